// SPDX-License-Identifier: Apache-2.0
// Reading what most operations read first: inodes, entries, directories and where they hang.
#pragma once

#include <optional>
#include <string_view>

#include "meta/ops/context.h"

namespace headrace::meta::ops {

/// kNotFound: there is no such inode.
Result<Attr> load_inode(RecordTxn& txn, Ino ino);
/// kNotDirectory: it is none.
Result<Attr> load_directory(RecordTxn& txn, Ino ino);
/// kIsDirectory, kInvalid: it is something else than a regular file.
Result<Attr> load_regular_file(RecordTxn& txn, Ino ino);
Result<std::optional<EntryRecord>> find_entry(RecordTxn& txn, Ino parent, std::string_view name);
/// kNotFound: there is no such name.
Result<EntryRecord> load_entry(RecordTxn& txn, Ino parent, std::string_view name);

/// What is shown of an entry whose inode is missing, so that it can be listed and removed.
Attr attr_of_missing_inode(Ino parent, FileType type);

/// Whether `inner` is `outer` or lies anywhere below it. kDamaged: the parents of `inner` run in a circle.
Result<bool> is_inside(RecordTxn& txn, Ino inner, Ino outer);

/// A directory that holds a hard-linked file, and by how many names.
struct ParentCount {
  Ino parent;
  std::int64_t names = 0;
};
/// The directories that hold a file, by its record or, where that says 0, by its links.
Result<std::vector<ParentCount>> parents_of(RecordTxn& txn, Ino ino, const Attr& attr);

/// A file that lies in the trash itself (not merely below a directory that does).
inline bool is_trash_file(const Attr& attr) { return attr.type != FileType::kDirectory && attr.parent > kTrashRoot; }

}  // namespace headrace::meta::ops
