// SPDX-License-Identifier: Apache-2.0
// Reads a JSON dump of metadata (dump.h says what it holds) as it comes, and says what it meets. Memory grows with the
// depth of the tree and with the chunk list of one file, not with the volume. Used inside this room.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/attr.h"
#include "base/result.h"
#include "records/keys.h"

namespace headrace::meta {

/// An entry with all that hangs on it, but for what a directory holds.
struct DumpedEntry {
  std::string name;  // bytes; of the two roots: empty
  Ino ino;
  Attr attr;  // without parent and ACL numbers
  std::string target;
  std::vector<std::pair<std::string, std::string>> xattrs;
  std::optional<records::AclRecord> access_acl, default_acl;
  std::vector<std::pair<ChunkIndex, records::SliceList>> chunks;
};

/// Told in the order of the document. An error ends the reading and is its answer.
class DumpVisitor {
 public:
  virtual ~DumpVisitor() = default;
  virtual Result<void> on_setting(const std::string& document) = 0;
  /// By the dump's names: "usedInodes", "nextInodes" …
  virtual Result<void> on_counter(std::string_view name, std::int64_t value) = 0;
  virtual Result<void> on_deleted_file(Ino ino, const records::DeletedFileRecord& file) = 0;
  virtual Result<void> on_quota(Ino ino, std::int64_t space_max, std::int64_t inodes_max) = 0;
  /// A root of the tree ("FSTree") or of the trash.
  virtual Result<void> on_root(DumpedEntry entry, bool is_trash) = 0;
  /// An entry of the innermost directory that has not ended.
  virtual Result<void> on_entry(DumpedEntry entry) = 0;
  /// The innermost directory has no more entries.
  virtual Result<void> on_directory_end() = 0;
};

/// kDamaged: not JSON, or not a dump: with where or what. kNotSupported: limits of users or groups.
Result<void> parse_dump(std::istream& in, DumpVisitor& visitor);

}  // namespace headrace::meta
