// SPDX-License-Identifier: Apache-2.0
// lookup: a name in a directory, and what it names.
#include "meta/ops/load.h"
#include "meta/ops/operations.h"

namespace headrace::meta::ops {
namespace {

constexpr std::string_view kTrashName = ".trash";

Result<Entry> entry_of(RecordTxn& txn, Ino ino) {
  TRY(const Attr attr, load_inode(txn, ino));
  return Entry{ino, attr};
}

}  // namespace

Result<Entry> lookup(RecordTxn& txn, Ino parent, std::string_view name) {
  TRY(const Attr directory, load_directory(txn, parent));
  if (name == ".") return Entry{parent, directory};
  if (name == "..") return entry_of(txn, parent == kRootIno ? kRootIno : directory.parent);
  if (name == kTrashName && parent == kRootIno) return entry_of(txn, kTrashRoot);
  TRY(const EntryRecord entry, load_entry(txn, parent, name));
  TRY(const std::optional<Attr> attr, get(txn, InodeKey{entry.ino}));
  return Entry{entry.ino, attr ? *attr : attr_of_missing_inode(parent, entry.type)};
}

}  // namespace headrace::meta::ops
