// SPDX-License-Identifier: Apache-2.0
// Where the node's tier gets its nameless files from: a detached tmpfs of its own where this process may make one
// (CAP_SYS_ADMIN), else a directory that the user named, else memfds.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace headrace::block {

/// Thread-safe.
class FileSource {
 public:
  /// `bytes_max`: what the tier will hold; the tmpfs has a little more, so that its own limit is not met first.
  /// `directory` may be empty. `may_mount` false skips the tmpfs.
  static FileSource open(std::uint64_t bytes_max, const std::string& directory, bool may_mount = true);

  /// A new file of `length` zeros without a name, gone with its last descriptor. Nothing is allocated yet. kTransient:
  /// too many open files.
  Result<UniqueFd> new_file(std::uint64_t length) const;

  /// "tmpfs with huge pages", "tmpfs", "directory DIR", "memfd".
  const std::string& place() const { return place_; }
  /// Why it is not the best kind; empty when it is.
  const std::string& shortcoming() const { return shortcoming_; }

 private:
  UniqueFd root_;  // of the tmpfs, or the directory; none: memfd
  std::string place_, shortcoming_;
};

}  // namespace headrace::block
