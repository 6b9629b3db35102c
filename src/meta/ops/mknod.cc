// SPDX-License-Identifier: Apache-2.0
// mknod: a new inode of any type, with its first name; and create_unnamed, which gives it none.
#include <sys/stat.h>

#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/permission.h"

namespace headrace::meta::ops {
namespace {

std::uint16_t mode_of_new_node(const Caller& caller, const Attr& directory, const NewNode& node) {
  if (node.type == FileType::kSymlink) return 0777;
  std::uint32_t mode = node.mode & 07777u & ~caller.umask;
  if ((directory.mode & S_ISGID) == 0) return static_cast<std::uint16_t>(mode);
  if (node.type == FileType::kDirectory) {
    mode |= S_ISGID;
  } else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !caller.is_root() &&
             !may_be_in_group(caller, directory.gid)) {
    mode &= ~static_cast<std::uint32_t>(S_ISGID);
  }
  return static_cast<std::uint16_t>(mode);
}

Attr new_attr(const OpContext& context, const Caller& caller, Ino parent, const Attr& directory, const NewNode& node) {
  Attr attr;
  attr.type = node.type;
  attr.mode = mode_of_new_node(caller, directory, node);
  attr.flags = directory.flags & kFlagSkipTrash;
  attr.uid = caller.uid;
  attr.gid = (directory.mode & S_ISGID) != 0 ? directory.gid : caller.gid;
  attr.atime = attr.mtime = attr.ctime = context.now;
  attr.parent = parent;
  attr.tier = directory.tier;
  if (node.type == FileType::kDirectory) {
    attr.nlink = 2;
    attr.length = 4096;
  } else if (node.type == FileType::kSymlink) {
    attr.length = node.symlink_target.size();
  } else if (node.type == FileType::kBlockDevice || node.type == FileType::kCharDevice) {
    attr.rdev = node.rdev;
  }
  return attr;
}

}  // namespace

Result<Entry> mknod(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino parent, std::string_view name,
                    const NewNode& node, Ino fresh) {
  TRY(Attr directory, load_directory(txn, parent));
  TRY_OK(check_may_add(parent, directory));
  TRY(const std::optional<EntryRecord> existing, find_entry(txn, parent, name));
  if (existing) return Code::kExists;
  const bool is_directory = node.type == FileType::kDirectory;
  if (is_directory && directory.nlink >= kLinksMax) return Code::kTooManyLinks;
  TRY_OK(check_room(txn, context, 4096, 1));

  Attr attr = new_attr(context, caller, parent, directory, node);
  put(txn, InodeKey{fresh}, attr);
  put(txn, EntryKey{parent, std::string(name)}, EntryRecord{fresh, node.type});
  if (node.type == FileType::kSymlink) put(txn, SymlinkKey{fresh}, SymlinkRecord{node.symlink_target});
  if (is_directory) {
    ++directory.nlink;
    if (context.format.dir_stats) put(txn, DirStatsKey{fresh}, DirStatsRecord{});
  }
  if (touch_directory(context, directory, is_directory)) put(txn, InodeKey{parent}, directory);
  add_dir_stats(txn, context, parent, usage_of(attr));
  add_volume_usage(txn, 4096, 1);
  return Entry{fresh, std::move(attr)};
}

Result<Entry> create_unnamed(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino parent,
                             const NewNode& node, Ino fresh) {
  TRY(const Attr directory, load_directory(txn, parent));
  TRY_OK(check_may_add(parent, directory));
  TRY_OK(check_room(txn, context, 4096, 1));
  Attr attr = new_attr(context, caller, parent, directory, node);
  attr.nlink = 0;
  put(txn, InodeKey{fresh}, attr);
  put(txn, SustainedKey{context.session, fresh}, SustainedRecord{});
  add_volume_usage(txn, 4096, 1);
  return Entry{fresh, std::move(attr)};
}

}  // namespace headrace::meta::ops
