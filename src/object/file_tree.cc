// SPDX-License-Identifier: Apache-2.0
// Paths below a root, by openat2 with RESOLVE_BENEATH where the kernel has it (5.6).
#include "object/file_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace headrace::object {
namespace {

constexpr std::size_t kComponentBytesMax = 255;

int open_beneath(int root, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  while (true) {
    const long fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
    // EAGAIN: a rename elsewhere made the kernel unsure about a ".." inside a symbolic link.
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) return static_cast<int>(fd);
  }
}

Code code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return Code::kNoSpace;
    case EACCES:
    case EPERM: return Code::kUnauthorized;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case ESTALE: return Code::kTransient;
    case ETIMEDOUT: return Code::kTimedOut;
    case EXDEV:
    case ELOOP: return Code::kNotPermitted;
    case ENAMETOOLONG: return Code::kInvalid;
    default: return code_of_errno(error);
  }
}

}  // namespace

bool is_path_key(std::string_view key) {
  while (true) {
    const std::size_t slash = key.find('/');
    const std::size_t length = slash == std::string_view::npos ? key.size() : slash;
    if (length == 0 || length > kComponentBytesMax) return false;
    if (slash == std::string_view::npos) return true;
    key.remove_prefix(slash + 1);
  }
}

KeyParts split_key(std::string_view key) {
  const std::size_t slash = key.rfind('/');
  if (slash == std::string_view::npos) return {{}, key};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

std::string temporary_name(std::string_view name, std::uint64_t number) {
  return fmt::format(".jfs.{}.tmp.{}", name.substr(0, 200), number >> 1);  // non-negative as a signed number
}

bool is_temporary_key(std::string_view key) {
  const std::string_view name = split_key(key).name;
  const std::size_t middle = name.rfind(".tmp.");
  if (!name.starts_with(".jfs.") || middle == std::string_view::npos || middle < 5) return false;
  const std::string_view number = name.substr(middle + 5);
  return !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
}

Error file_error(int error, std::string_view what, std::string_view key) {
  if (error == EXDEV)
    return Error(Code::kNotPermitted,
                 fmt::format("{} {}: a symbolic link leads out of the bucket's directory", what, key));
  return Error(code_of(error), fmt::format("{} {}: {}", what, key, errno_error(error, "").text()));
}

FileTree::FileTree(UniqueFd root, std::string path) : root_(std::move(root)), path_(std::move(path)) {
  struct statfs info{};
  if (::fstatfs(root_.get(), &info) == 0) is_memory_ = info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
  const UniqueFd probe(open_beneath(root_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  has_openat2_ = probe.is_open();
}

Result<FileTree> FileTree::open(const std::string& path) {
  UniqueFd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return file_error(errno, "open the bucket's directory", path);
  return FileTree(std::move(root), path);
}

UniqueFd FileTree::open_below(std::string_view path, int flags) const {
  const std::string text = path.empty() ? std::string(".") : std::string(path);
  if (has_openat2_) return UniqueFd(open_beneath(root_.get(), text.c_str(), flags | O_CLOEXEC));
  return UniqueFd(::openat(root_.get(), text.c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
}

Result<UniqueFd> FileTree::open_or_make_directory(std::string_view path, std::vector<std::string>& made) const {
  UniqueFd whole = open_below(path, O_RDONLY | O_DIRECTORY);
  if (whole.is_open()) return whole;
  if (errno != ENOENT) return file_error(errno, "open the directory", path);
  UniqueFd at = open_below("", O_RDONLY | O_DIRECTORY);
  if (!at.is_open()) return file_error(errno, "open the directory", path_);
  for (std::size_t end = 0; end != std::string_view::npos;) {
    const std::size_t start = end == 0 ? 0 : end + 1;
    end = path.find('/', start);
    const std::string name(path.substr(start, end == std::string_view::npos ? end : end - start));
    const std::string_view so_far = path.substr(0, end);
    if (::mkdirat(at.get(), name.c_str(), 0777) == 0) {
      made.emplace_back(so_far);
    } else if (errno != EEXIST) {
      return file_error(errno, "make the directory", so_far);
    }
    UniqueFd next = open_below(so_far, O_RDONLY | O_DIRECTORY);
    if (!next.is_open()) return file_error(errno, "open the directory", so_far);
    at = std::move(next);
  }
  return at;
}

}  // namespace headrace::object
