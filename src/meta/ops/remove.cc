// SPDX-License-Identifier: Apache-2.0
// The end of a name, and of an inode.
#include "meta/ops/remove.h"

#include <limits>

#include "meta/ops/account.h"
#include "meta/ops/operations.h"
#include "meta/ops/trash.h"

namespace headrace::meta::ops {
namespace {

// What hangs on an inode besides its bytes. A hard-linked file's parents are records of their own on some engines.
Result<void> erase_attachments(RecordTxn& txn, Ino ino, const Attr& attr) {
  TRY(const std::vector<Item> xattrs, txn.scan(XattrsOf{ino}, std::numeric_limits<std::uint32_t>::max()));
  for (const Item& item : xattrs) txn.erase(item.key);
  if (attr.parent != Ino{0}) return {};
  TRY(const std::vector<Item> links, txn.scan(LinksTo{ino}, std::numeric_limits<std::uint32_t>::max()));
  for (const Item& link : links) {
    if (std::holds_alternative<ParentLinkKey>(link.key)) txn.erase(link.key);
  }
  return {};
}

// No name is left, but this client has the file open: it stays, without a name, until the last release.
Result<void> sustain(RecordTxn& txn, const OpContext& context, Ino ino, const Attr& attr) {
  TRY_OK(erase_attachments(txn, ino, attr));
  put(txn, InodeKey{ino}, attr);
  put(txn, SustainedKey{context.session, ino}, SustainedRecord{});
  return {};
}

}  // namespace

Result<Removed> remove_file(RecordTxn& txn, const OpContext& context, Ino parent, std::string_view name, Ino ino,
                            Attr attr) {
  Removed removed{ino, attr.type};
  attr.ctime = context.now;
  add_dir_stats(txn, context, parent, -usage_of(attr));
  if (wants_trash(context, parent, attr)) {
    TRY(const Ino hour, load_or_make_trash_hour(txn, context));
    const std::string in_trash = trash_name(parent, ino, name);
    // Two links of one file may have the same name there once they are cut; the second is then simply one link less.
    TRY(const std::optional<EntryRecord> same, get(txn, EntryKey{hour, in_trash}));
    if (attr.nlink <= 1 || !same) {
      put_into_trash(txn, context, parent, ino, std::move(attr), hour, in_trash);
      removed.is_in_trash = true;
      return removed;
    }
  }
  if (attr.nlink > 1) {
    --attr.nlink;
    if (attr.parent == Ino{0}) add(txn, ParentLinkKey{ino, parent}, -1);
    put(txn, InodeKey{ino}, std::move(attr));
    return removed;
  }
  attr.nlink = 0;
  if (attr.type == FileType::kRegular && context.holders.is_held(ino)) {
    TRY_OK(sustain(txn, context, ino, attr));
    return removed;
  }
  TRY_OK(destroy_inode(txn, context, ino, attr));
  removed.is_gone = true;
  return removed;
}

Result<Removed> remove_directory(RecordTxn& txn, const OpContext& context, Ino parent, std::string_view name, Ino ino,
                                 Attr attr) {
  Removed removed{ino, FileType::kDirectory};
  attr.ctime = context.now;
  add_dir_stats(txn, context, parent, -usage_of(attr));
  if (wants_trash(context, parent, attr)) {
    TRY(const Ino hour, load_or_make_trash_hour(txn, context));
    put_into_trash(txn, context, parent, ino, std::move(attr), hour, trash_name(parent, ino, name));
    removed.is_in_trash = true;
  } else {
    TRY_OK(destroy_inode(txn, context, ino, attr));
    removed.is_gone = true;
  }
  erase(txn, DirStatsKey{ino});
  erase(txn, DirQuotaKey{ino});
  return removed;
}

Removed remove_nothing(const EntryRecord& entry) { return {entry.ino, entry.type, true, false}; }

Result<void> destroy_inode(RecordTxn& txn, const OpContext& context, Ino ino, const Attr& attr) {
  TRY_OK(erase_attachments(txn, ino, attr));
  if (attr.type == FileType::kRegular)
    put(txn, DeletedFileKey{ino}, DeletedFileRecord{attr.length, context.now.seconds});
  if (attr.type == FileType::kSymlink) erase(txn, SymlinkKey{ino});
  erase(txn, InodeKey{ino});
  add_volume_usage(txn, -static_cast<std::int64_t>(space_of(attr)), -1);
  return {};
}

Result<void> destroy_sustained(RecordTxn& txn, const OpContext& context, SessionId session, Ino ino) {
  TRY(const std::optional<SustainedRecord> sustained, get(txn, SustainedKey{session, ino}));
  if (!sustained) return {};
  erase(txn, SustainedKey{session, ino});
  TRY(const std::optional<Attr> attr, get(txn, InodeKey{ino}));
  if (!attr || attr->nlink > 0) return {};  // it has a name again
  return destroy_inode(txn, context, ino, *attr);
}

}  // namespace headrace::meta::ops
