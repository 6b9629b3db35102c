// SPDX-License-Identifier: Apache-2.0
// A directory tree listed in the order of whole keys, not of directories: "a-b" comes before "a/x" comes before "a0". A
// directory is read when the walk reaches it; of a very large one only a bounded part is held at a time.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "object/file_tree.h"
#include "object/object_store.h"

namespace headrace::object {

/// Names the bytes of a file: another inode, size or time of writing gives another one.
std::string etag_of(const struct stat& status);
/// What a listing says of a regular file.
ObjectInfo info_of(std::string key, const struct stat& status);

/// Used by one thread at a time.
class FileWalk {
 public:
  /// The objects whose key starts with `prefix` and is greater than `after`. `names_max`: how many names of one
  /// directory are held.
  FileWalk(const FileTree& tree, const Clock& clock, std::string prefix, std::string after,
           std::size_t names_max = 500'000);

  /// The next object, or nothing at the end. What disappears underneath is left out. An error ends the walk.
  Result<std::optional<ObjectInfo>> next();
  /// Whether going on gives what a new walk from here would give: no directory on the way to here has changed since it
  /// was read.
  bool is_current() const;

 private:
  /// Names of one directory, those that can still come, in order. A directory's name ends with '/'.
  struct Level {
    std::string path;  // "" or "a/b/"
    std::string text;  // the names, one behind the other
    struct Name {
      std::uint32_t start = 0, length = 0;
    };
    std::vector<Name> names;
    std::size_t at = 0;
    bool is_cut = false;  // there are more names than were kept
    Timestamp changed, read;

    std::string_view name(std::size_t index) const {
      return std::string_view(text).substr(names[index].start, names[index].length);
    }
  };

  Result<void> begin();
  Result<void> enter(std::string path);
  /// Names behind `last_name` that can still come.
  Result<void> read_level(Level& level, const std::string& last_name) const;
  void cut(Level& level) const;
  bool is_wanted(const Level& level, std::string_view name) const;
  Result<std::optional<ObjectInfo>> look_at(std::string key) const;

  const FileTree& tree_;
  const Clock& clock_;
  const std::string prefix_;
  const std::size_t names_max_;
  std::string after_;  // the last key that was given
  bool has_begun_ = false;
  std::vector<Level> levels_;
};

}  // namespace headrace::object
