// SPDX-License-Identifier: Apache-2.0
// A directory tree as a place for objects: a key is a path below the root, and no path leads out of it, not by a
// symbolic link either. Names of temporary files are JuiceFS's (juicefs-volume-format, section 5.3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace headrace::object {

/// Whether a key can be a path: no empty component (so no '/' at its end), none of more than 255 bytes. Besides
/// check_key().
bool is_path_key(std::string_view key);

/// "a/b/c" → {"a/b", "c"}; "c" → {"", "c"}.
struct KeyParts {
  std::string_view directory, name;
};
KeyParts split_key(std::string_view key);

/// ".jfs.NAME.tmp.NUMBER", NAME cut to 200 bytes.
std::string temporary_name(std::string_view name, std::uint64_t number);
/// Whether the last component of a key is the name of a temporary file: something that was being written when its
/// writer died.
bool is_temporary_key(std::string_view key);

/// A failed system call about a key, in words, with a code: no room is kNoSpace, no permission kUnauthorized, what a
/// later attempt may not meet (no descriptors, no memory) kTransient, a link out of the tree kNotPermitted.
Error file_error(int error, std::string_view what, std::string_view key);

/// Thread-safe. The root stays open; what is put in its place later is another tree.
class FileTree {
 public:
  /// The directory must exist. `path` is for messages.
  static Result<FileTree> open(const std::string& path);

  int root() const { return root_.get(); }
  const std::string& path() const { return path_; }
  /// Whether a sync costs nothing and saves nothing, because all is memory: tmpfs, ramfs.
  bool is_memory() const { return is_memory_; }

  /// A descriptor of what lies at `path` below the root ("" is the root), or -1 with errno. EXDEV: the path leads out.
  UniqueFd open_below(std::string_view path, int flags) const;
  /// Opens a directory; missing ones are made (0777 & umask). Those that were made are appended to `made`.
  Result<UniqueFd> open_or_make_directory(std::string_view path, std::vector<std::string>& made) const;

 private:
  FileTree(UniqueFd root, std::string path);

  UniqueFd root_;
  std::string path_;
  bool is_memory_ = false;
  bool has_openat2_ = false;
};

}  // namespace headrace::object
