// SPDX-License-Identifier: Apache-2.0
// Where the database of "sqlite3://PATH[?table_prefix=x]" is, and whether it may be there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headrace::records {

struct SqliteLocation {
  std::string path;                   // absolute
  std::string table_prefix = "jfs_";  // in front of every table's name

  /// The lock file that elects, on this machine, who brings the log into the database.
  std::string checkpoint_lock_path() const { return path + "-headrace-checkpoint"; }
};

/// What stands behind "sqlite3://". kInvalid with the sentence to print.
Result<SqliteLocation> parse_sqlite_location(std::string_view rest);

/// Refuses (kNotSupported) a file system that a write-ahead log cannot live on: its readers and writers share memory
/// and locks, which network file systems and FUSE do not keep among machines or at all. kNotFound: no such folder.
/// Never opens the database.
Result<void> check_file_system(const std::string& path);
/// The sentence of that refusal for a file system type of statfs(2); empty: it is fine.
std::string_view name_of_unfit_file_system(long type);

/// Which file a path names now; all zero: none.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
FileIdentity identity_of(const std::string& path);

}  // namespace headrace::records
