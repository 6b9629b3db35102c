// SPDX-License-Identifier: Apache-2.0
// Objects as files. How a put becomes durable is file_put_group.cc, how a listing gets its order file_walk.cc.
#include "object/file_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <set>

#include "base/checksum.h"
#include "object/key.h"
#include "object/scope_check.h"

namespace headrace::object {
namespace {

constexpr std::size_t kCursorsMax = 4;
constexpr int kUnsteadyReadsMax = 4;

std::optional<std::uint32_t> checksum_of(int fd) {
  char text[16];
  const ssize_t size = ::fgetxattr(fd, kChecksumAttribute, text, sizeof text);
  if (size <= 0) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text, text + size, value);
  if (error != std::errc() || end != text + size) return std::nullopt;
  return value;
}

Result<struct stat> regular_file_status(int fd, std::string_view key) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return file_error(errno, "look at", key);
  if (!S_ISREG(status.st_mode)) return Error(Code::kNotFound, fmt::format("{}: not a regular file", key));
  return status;
}

/// The length first: a tmpfs (huge=within_size) then gives huge pages, which are twenty times cheaper than as many
/// small ones.
Result<void> write_parts(int fd, std::span<const ByteSpan> parts, std::string_view key) {
  std::uint64_t length = 0, offset = 0;
  for (const ByteSpan part : parts) length += part.size();
  if (::ftruncate(fd, static_cast<off_t>(length)) != 0) return file_error(errno, "size", key);
  for (const ByteSpan part : parts) {
    ByteSpan rest = part;
    while (!rest.empty()) {
      const ssize_t wrote = ::pwrite(fd, rest.data(), rest.size(), static_cast<off_t>(offset));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return file_error(errno, "write", key);
      rest = rest.subspan(static_cast<std::size_t>(wrote));
      offset += static_cast<std::uint64_t>(wrote);
    }
  }
  return {};
}

std::uint32_t checksum_of(std::span<const ByteSpan> parts) {
  std::uint32_t crc = 0;
  for (const ByteSpan part : parts) crc = crc32c(part, crc);
  return crc;
}

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(const std::string& directory, Scheduler& scheduler) {
  TRY(FileTree tree, FileTree::open(directory));
  std::unique_ptr<DiskSync> sync;
  if (tree.is_memory()) {
    sync = std::make_unique<NoDiskSync>();
  } else {
    sync = std::make_unique<SystemDiskSync>();
  }
  DiskSync* const used = sync.get();
  return std::unique_ptr<FileStore>(new FileStore(std::move(tree), scheduler, std::move(sync), used));
}

Result<std::unique_ptr<FileStore>> FileStore::open(const std::string& directory, Scheduler& scheduler, DiskSync& sync) {
  TRY(FileTree tree, FileTree::open(directory));
  return std::unique_ptr<FileStore>(new FileStore(std::move(tree), scheduler, nullptr, &sync));
}

FileStore::FileStore(FileTree tree, Scheduler& scheduler, std::unique_ptr<DiskSync> own_sync, DiskSync* sync)
    : tree_(std::move(tree)),
      clock_(scheduler.clock()),
      traits_{"file", "file://" + tree_.path(), !tree_.is_memory()},
      own_sync_(std::move(own_sync)),
      group_(scheduler, *sync, tree_.root()),
      rng_(random_seed()) {}

Result<UniqueFd> FileStore::open_object(std::string_view key) {
  TRY_OK(check_key(key));
  if (!is_path_key(key)) return Code::kNotFound;
  // Without O_NONBLOCK a FIFO of that name would be waited for.
  constexpr int kFlags = O_RDONLY | O_NONBLOCK;
  UniqueFd fd = tree_.open_below(key, may_skip_atime_ ? kFlags | O_NOATIME : kFlags);
  if (!fd.is_open() && errno == EPERM && may_skip_atime_) {
    may_skip_atime_ = false;  // files of others, and no privilege
    fd = tree_.open_below(key, kFlags);
  }
  if (fd.is_open()) return fd;
  const int error = errno;
  if (error == ENOENT || error == ENOTDIR || error == ENXIO) return Code::kNotFound;
  return file_error(error, "open", key);
}

Result<std::optional<GetResult>> FileStore::get_once(std::string_view key, std::uint64_t offset, MutableByteSpan into) {
  TRY(const UniqueFd fd, open_object(key));
  TRY(const struct stat before, regular_file_status(fd.get(), key));
  const auto size = static_cast<std::uint64_t>(before.st_size);
  GetResult result{0, size, etag_of(before)};
  if (offset < size) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size - offset));
    const Result<std::size_t> got = pread_full(fd.get(), into.first(wanted), offset);
    if (!got) return Error(got.code(), fmt::format("read {}: {}", key, got.error().text()));
    result.bytes = *got;
  }
  TRY(const struct stat after, regular_file_status(fd.get(), key));
  if (etag_of(after) != result.etag) return std::optional<GetResult>();
  if (offset == 0 && result.bytes == size) {
    const std::optional<std::uint32_t> expected = checksum_of(fd.get());
    if (expected && crc32c(ByteSpan(into).first(result.bytes)) != *expected) {
      return Error(Code::kDamaged, fmt::format("{}{}: the bytes do not match their checksum", traits_.location, key));
    }
  }
  return std::optional(std::move(result));
}

Result<GetResult> FileStore::get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) {
  for (int attempt = 0; attempt < kUnsteadyReadsMax; ++attempt) {
    TRY_OK(check_scope(scope, clock_));
    TRY(std::optional<GetResult> got, get_once(key, offset, into));
    if (got) return std::move(*got);
  }
  return Error(Code::kTransient, fmt::format("{}{}: the file changes while it is read", traits_.location, key));
}

Result<ObjectInfo> FileStore::head(const Scope& scope, std::string_view key) {
  TRY_OK(check_scope(scope, clock_));
  TRY(const UniqueFd fd, open_object(key));
  TRY(const struct stat status, regular_file_status(fd.get(), key));
  ObjectInfo info = info_of(std::string(key), status);
  info.crc32c = checksum_of(fd.get());
  return info;
}

Result<UniqueFd> FileStore::open_directory_for(std::string_view path, PendingFile& file) {
  std::vector<std::string> made;
  Result<UniqueFd> directory = tree_.open_or_make_directory(path, made);
  std::set<std::string> parents;
  {
    MutexLock lock(mutex_);
    for (std::string& one : made) new_directories_.push_back(std::move(one));
    for (const std::string& one : new_directories_) {
      const bool is_on_the_way = path.starts_with(one) && (path.size() == one.size() || path[one.size()] == '/');
      if (is_on_the_way) parents.emplace(split_key(one).directory);
    }
  }
  if (!directory) return directory;
  for (const std::string& parent : parents) {
    UniqueFd fd = tree_.open_below(parent, O_RDONLY | O_DIRECTORY);
    if (!fd.is_open()) return file_error(errno, "open the directory", parent);
    file.parents.push_back({parent, std::move(fd)});
  }
  return directory;
}

void FileStore::forget_new_directories(std::string_view path) {
  MutexLock lock(mutex_);
  std::erase_if(new_directories_, [&](const std::string& one) {
    return path.starts_with(one) && (path.size() == one.size() || path[one.size()] == '/');
  });
}

Result<PendingFile> FileStore::write_temporary(std::string_view key, std::span<const ByteSpan> parts) {
  const KeyParts split = split_key(key);
  PendingFile file;
  file.key = key;
  file.name = split.name;
  file.directory.path = split.directory;
  TRY(file.directory.fd, open_directory_for(split.directory, file));
  while (!file.file.is_open()) {
    file.temporary_name = temporary_name(split.name, rng_.next());
    file.file.reset(::openat(file.directory.fd.get(), file.temporary_name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!file.file.is_open() && errno != EEXIST) return file_error(errno, "create", key);
  }
  if (has_attributes_) {
    // Before the bytes: fdatasync makes an attribute durable only together with a change of size that comes after it.
    const std::string text = fmt::format("{}", checksum_of(parts));
    if (::fsetxattr(file.file.get(), kChecksumAttribute, text.data(), text.size(), 0) != 0 &&
        (errno == ENOTSUP || errno == EPERM))
      has_attributes_ = false;
  }
  const Result<void> written = write_parts(file.file.get(), parts, key);
  if (written) return file;
  ::unlinkat(file.directory.fd.get(), file.temporary_name.c_str(), 0);
  return written.error();
}

Result<void> FileStore::put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) {
  TRY_OK(check_scope(scope, clock_));
  TRY_OK(check_key(key));
  if (!is_path_key(key)) {
    return Error(
        Code::kInvalid,
        fmt::format("{}: a directory cannot hold a key with an empty component or one of more than 255 bytes", key));
  }
  TRY(PendingFile file, write_temporary(key, parts));
  const std::string directory = file.directory.path;
  const bool has_parents = !file.parents.empty();
  TRY_OK(group_.commit(scope, std::move(file)));
  if (has_parents) forget_new_directories(directory);
  return {};
}

Result<void> FileStore::remove_one(const std::string& key) {
  if (!is_path_key(key)) return {};
  const KeyParts split = split_key(key);
  const UniqueFd directory = tree_.open_below(split.directory, O_PATH | O_DIRECTORY);
  if (!directory.is_open() && (errno == ENOENT || errno == ENOTDIR)) return {};
  if (!directory.is_open()) return file_error(errno, "remove", key);
  if (::unlinkat(directory.get(), std::string(split.name).c_str(), 0) == 0) return {};
  if (errno == ENOENT || errno == EISDIR) return {};  // a directory is no object
  return file_error(errno, "remove", key);
}

Result<void> FileStore::remove(const Scope& scope, std::span<const std::string> keys) {
  TRY_OK(check_scope(scope, clock_));
  for (const std::string& key : keys) TRY_OK(check_key(key));
  Result<void> first;
  for (const std::string& key : keys) {
    TRY_OK(check_scope(scope, clock_));
    Result<void> removed = remove_one(key);
    if (first && !removed) first = std::move(removed);
  }
  return first;
}

std::optional<FileStore::Cursor> FileStore::take_cursor(std::string_view prefix, std::string_view after) {
  std::optional<Cursor> taken;
  {
    MutexLock lock(mutex_);
    const auto found = std::ranges::find_if(
        cursors_, [&](const Cursor& cursor) { return cursor.prefix == prefix && cursor.after == after; });
    if (found == cursors_.end()) return std::nullopt;
    taken = std::move(*found);
    cursors_.erase(found);
  }
  if (!taken->walk->is_current()) return std::nullopt;
  return taken;
}

void FileStore::keep_cursor(Cursor cursor) {
  std::list<Cursor> dropped;
  MutexLock lock(mutex_);
  cursors_.push_front(std::move(cursor));
  if (cursors_.size() > kCursorsMax) dropped.splice(dropped.begin(), cursors_, std::prev(cursors_.end()));
}

Result<ListPage> FileStore::list(const Scope& scope, std::string_view prefix, std::string_view after,
                                 std::size_t limit) {
  TRY_OK(check_scope(scope, clock_));
  TRY_OK(check_list_limit(limit));
  ListPage page;
  std::optional<Cursor> cursor = take_cursor(prefix, after);
  if (cursor) {
    page.objects.push_back(std::move(cursor->next));
  } else {
    cursor.emplace(std::string(prefix), std::string(after), ObjectInfo(),
                   std::make_unique<FileWalk>(tree_, clock_, std::string(prefix), std::string(after)));
  }
  while (true) {
    TRY_OK(check_scope(scope, clock_));
    TRY(std::optional<ObjectInfo> next, cursor->walk->next());
    if (!next) return page;
    if (page.objects.size() < limit) {
      page.objects.push_back(std::move(*next));
      continue;
    }
    page.is_last = false;
    cursor->after = page.objects.back().key;
    cursor->next = std::move(*next);
    keep_cursor(std::move(*cursor));
    return page;
  }
}

}  // namespace headrace::object
