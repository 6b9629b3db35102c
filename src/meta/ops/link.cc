// SPDX-License-Identifier: Apache-2.0
// link: one more name for a file, or the first for one that was made without.
#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/permission.h"

namespace headrace::meta::ops {
namespace {

// A file has left its one directory for good: from now on its links say where it is.
void note_parents(RecordTxn& txn, Ino ino, Attr& attr, Ino parent) {
  if (attr.parent != Ino{0}) {
    add(txn, ParentLinkKey{ino, attr.parent}, 1);
    attr.parent = Ino{0};
  }
  add(txn, ParentLinkKey{ino, parent}, 1);
}

}  // namespace

Result<Entry> link(RecordTxn& txn, const OpContext& context, Ino ino, Ino parent, std::string_view name) {
  TRY(Attr directory, load_directory(txn, parent));
  TRY_OK(check_may_add(parent, directory));
  TRY(Attr attr, load_inode(txn, ino));
  if (attr.type == FileType::kDirectory) return Code::kNotPermitted;
  if ((attr.flags & (kFlagImmutable | kFlagAppend)) != 0) return Code::kNotPermitted;
  TRY(const std::optional<EntryRecord> existing, find_entry(txn, parent, name));
  if (existing) return Code::kExists;
  if (attr.nlink >= kLinksMax) return Code::kTooManyLinks;

  if (attr.nlink == 0) {
    TRY(const std::optional<SustainedRecord> sustained, get(txn, SustainedKey{context.session, ino}));
    if (!sustained) return Code::kNotFound;
    erase(txn, SustainedKey{context.session, ino});
    attr.parent = parent;
  } else {
    note_parents(txn, ino, attr, parent);
  }
  ++attr.nlink;
  attr.ctime = context.now;
  put(txn, InodeKey{ino}, attr);
  put(txn, EntryKey{parent, std::string(name)}, EntryRecord{ino, attr.type});
  if (touch_directory(context, directory, false)) put(txn, InodeKey{parent}, directory);
  add_dir_stats(txn, context, parent, usage_of(attr));
  return Entry{ino, std::move(attr)};
}

}  // namespace headrace::meta::ops
