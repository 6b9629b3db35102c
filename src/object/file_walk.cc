// SPDX-License-Identifier: Apache-2.0
// Depth first, one sorted list of names for each directory on the way.
#include "object/file_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "object/key.h"

namespace headrace::object {
namespace {

// Time stamps of directories are as coarse as the kernel's tick: a directory read so soon after its change may change
// again unseen.
constexpr std::int64_t kStampNanoseconds = 50'000'000;

Timestamp timestamp_of(const timespec& time) { return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)}; }
Timestamp changed_at(const struct stat& status) {
  return std::max(timestamp_of(status.st_mtim), timestamp_of(status.st_ctim));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using DirectoryHandle = std::unique_ptr<DIR, CloseDirectory>;

enum class Kind { kFile, kDirectory, kOther };

Kind kind_of(const dirent& entry, int directory) {
  switch (entry.d_type) {
    case DT_DIR: return Kind::kDirectory;
    case DT_REG:
    case DT_LNK:  // whether it leads to a file of the tree is seen when its turn comes
      return Kind::kFile;
    case DT_UNKNOWN: {
      struct stat status{};
      if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return Kind::kOther;
      return S_ISDIR(status.st_mode)                              ? Kind::kDirectory
             : S_ISREG(status.st_mode) || S_ISLNK(status.st_mode) ? Kind::kFile
                                                                  : Kind::kOther;
    }
    default: return Kind::kOther;
  }
}

}  // namespace

std::string etag_of(const struct stat& status) {
  return fmt::format("{:x}-{:x}-{:x}.{:x}-{:x}.{:x}", status.st_ino, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

ObjectInfo info_of(std::string key, const struct stat& status) {
  return {std::move(key), static_cast<std::uint64_t>(status.st_size), timestamp_of(status.st_mtim), etag_of(status),
          std::nullopt};
}

FileWalk::FileWalk(const FileTree& tree, const Clock& clock, std::string prefix, std::string after,
                   std::size_t names_max)
    : tree_(tree), clock_(clock), prefix_(std::move(prefix)), names_max_(names_max), after_(std::move(after)) {}

bool FileWalk::is_wanted(const Level& level, std::string_view name) const {
  const std::string key = level.path + std::string(name);
  if (!name.ends_with('/')) return key.starts_with(prefix_) && key > after_;
  return (key.starts_with(prefix_) || prefix_.starts_with(key)) && (key > after_ || after_.starts_with(key));
}

Result<void> FileWalk::read_level(Level& level, const std::string& last_name) const {
  level.text.clear();
  level.names.clear();
  level.at = 0;
  level.is_cut = false;
  const std::string_view path = std::string_view(level.path).substr(0, level.path.empty() ? 0 : level.path.size() - 1);
  UniqueFd fd = tree_.open_below(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd.is_open() && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return {};  // gone meanwhile
  if (!fd.is_open()) return file_error(errno, "list", path);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return file_error(errno, "list", path);
  level.changed = changed_at(status);
  level.read = clock_.wall();
  DirectoryHandle directory(::fdopendir(fd.get()));
  if (directory == nullptr) return file_error(errno, "list", path);
  const int descriptor = fd.release();  // the handle closes it
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return file_error(errno, "list", path);
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const Kind kind = kind_of(*entry, descriptor);
    if (kind == Kind::kDirectory) name += '/';
    if (kind == Kind::kOther || name <= last_name || !is_wanted(level, name)) continue;
    level.names.push_back({static_cast<std::uint32_t>(level.text.size()), static_cast<std::uint32_t>(name.size())});
    level.text += name;
    if (level.names.size() >= 2 * names_max_) cut(level);
  }
  std::ranges::sort(level.names, {}, [&](const Level::Name& name) {
    return std::string_view(level.text).substr(name.start, name.length);
  });
  if (level.is_cut && level.names.size() > names_max_) level.names.resize(names_max_);
  return {};
}

void FileWalk::cut(Level& level) const {
  const auto text_of_name = [&](const Level::Name& name) {
    return std::string_view(level.text).substr(name.start, name.length);
  };
  const auto middle = level.names.begin() + static_cast<std::ptrdiff_t>(names_max_);
  std::ranges::nth_element(level.names, middle, {}, text_of_name);
  level.names.erase(middle, level.names.end());
  level.is_cut = true;
  std::string text;
  for (Level::Name& name : level.names) {
    const auto start = static_cast<std::uint32_t>(text.size());
    text += text_of_name(name);
    name.start = start;
  }
  level.text = std::move(text);
}

Result<void> FileWalk::begin() {
  const std::size_t slash = prefix_.rfind('/');
  if (slash == std::string::npos) return enter("");
  // Straight to the directory that holds everything with this prefix. One that no key can have leads nowhere.
  const std::string_view directory = std::string_view(prefix_).substr(0, slash);
  if (!check_key(directory) || !is_path_key(directory)) return {};
  return enter(prefix_.substr(0, slash + 1));
}

Result<void> FileWalk::enter(std::string path) {
  Level level;
  level.path = std::move(path);
  TRY_OK(read_level(level, ""));
  levels_.push_back(std::move(level));
  return {};
}

Result<std::optional<ObjectInfo>> FileWalk::look_at(std::string key) const {
  struct stat status{};
  if (::fstatat(tree_.root(), key.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<ObjectInfo>();
    return file_error(errno, "look at", key);
  }
  if (S_ISLNK(status.st_mode)) {
    const UniqueFd target = tree_.open_below(key, O_PATH);
    if (!target.is_open() || ::fstat(target.get(), &status) != 0) return std::optional<ObjectInfo>();
  }
  if (!S_ISREG(status.st_mode)) return std::optional<ObjectInfo>();
  return std::optional(info_of(std::move(key), status));
}

Result<std::optional<ObjectInfo>> FileWalk::next() {
  if (!has_begun_) {
    has_begun_ = true;
    TRY_OK(begin());
  }
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.at == level.names.size() && level.is_cut) {
      // Everything up to the last name has been given, and what lies below it: go on behind that.
      TRY_OK(read_level(level, std::string(level.name(level.names.size() - 1))));
    }
    if (level.at == level.names.size()) {
      levels_.pop_back();
      continue;
    }
    std::string key = level.path + std::string(level.name(level.at++));
    if (key.ends_with('/')) {
      TRY_OK(enter(std::move(key)));
      continue;
    }
    TRY(std::optional<ObjectInfo> info, look_at(key));
    if (!info) continue;
    after_ = std::move(key);
    return info;
  }
  return std::optional<ObjectInfo>();
}

bool FileWalk::is_current() const {
  for (const Level& level : levels_) {
    const std::string path = level.path.empty() ? std::string(".") : level.path;
    struct stat status{};
    if (::fstatat(tree_.root(), path.c_str(), &status, 0) != 0) return false;
    if (changed_at(status) != level.changed || nanoseconds_between(level.changed, level.read) < kStampNanoseconds)
      return false;
  }
  return has_begun_;
}

}  // namespace headrace::object
