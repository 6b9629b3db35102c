// SPDX-License-Identifier: Apache-2.0
// setattr: owner, mode, times, flags. The length is truncate's.
//
// Times before 1970 are stored as 1970-01-01 00:00:00: the SQL form of the format cannot hold them (the real client
// reads them back wrong), and a file system clamps what it cannot hold.
#include <sys/stat.h>

#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/permission.h"

namespace headrace::meta::ops {
namespace {

bool is_empty_change(const AttrChange& change) {
  return !change.mode && !change.uid && !change.gid && !change.atime && !change.mtime && !change.atime_now &&
         !change.mtime_now && !change.flags;
}

Timestamp storable(Timestamp moment) { return moment.seconds < 0 ? Timestamp{0, 0} : moment; }

Result<void> check_owner(const Caller& caller, const Attr& attr, const AttrChange& change) {
  if (caller.is_root()) return {};
  const bool is_owner = caller.uid == attr.uid;
  if (change.uid && (*change.uid != attr.uid || !is_owner)) return Code::kNotPermitted;
  if (change.gid && (!is_owner || (*change.gid != attr.gid && !may_be_in_group(caller, *change.gid))))
    return Code::kNotPermitted;
  if (change.mode && !is_owner) return Code::kNotPermitted;
  if ((change.atime || change.mtime) && !is_owner) return Code::kNotPermitted;
  if (change.flags && *change.flags != attr.flags) return Code::kNotPermitted;
  return {};
}

Result<void> check_flags(const Attr& attr, const AttrChange& change) {
  const bool is_immutable = (attr.flags & kFlagImmutable) != 0;
  const bool is_append = (attr.flags & kFlagAppend) != 0;
  if ((is_immutable || is_append) && (change.mode || change.uid || change.gid || change.atime || change.mtime))
    return Code::kNotPermitted;
  if (is_immutable && (change.atime_now || change.mtime_now)) return Code::kNotPermitted;
  return {};
}

void apply(const OpContext& context, const Caller& caller, const AttrChange& change, Attr& attr) {
  if (change.uid || change.gid) {
    attr.mode = mode_after_chown(caller, attr);
    attr.uid = change.uid.value_or(attr.uid);
    attr.gid = change.gid.value_or(attr.gid);
  }
  if (change.mode) {
    attr.mode = *change.mode & 07777;
    if (!caller.is_root() && !may_be_in_group(caller, attr.gid)) attr.mode &= static_cast<std::uint16_t>(~S_ISGID);
  }
  if (change.atime_now) attr.atime = context.now;
  if (change.mtime_now) attr.mtime = context.now;
  if (change.atime) attr.atime = storable(*change.atime);
  if (change.mtime) attr.mtime = storable(*change.mtime);
  if (change.flags) attr.flags = *change.flags;
  attr.ctime = context.now;
}

}  // namespace

Result<Attr> setattr(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino ino,
                     const AttrChange& change) {
  TRY(Attr attr, load_inode(txn, ino));
  if (is_empty_change(change)) return attr;
  TRY_OK(check_not_in_trash(context, ino, attr));
  TRY_OK(check_owner(caller, attr, change));
  TRY_OK(check_flags(attr, change));
  apply(context, caller, change, attr);
  put(txn, InodeKey{ino}, attr);
  return attr;
}

}  // namespace headrace::meta::ops
