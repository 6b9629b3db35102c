// SPDX-License-Identifier: Apache-2.0
// Records out of the columns of a row, from a given column on. Each answers kDamaged where the columns hold no such
// record.
#pragma once

#include "base/result.h"
#include "records/keys.h"
#include "records/sqlite/connection.h"

namespace headrace::records {

/// The columns that attr_at() reads, of the node table called n. There are kNodeColumnCount.
#define HEADRACE_NODE_COLUMNS                                                                                      \
  "n.type,n.flags,n.mode,n.uid,n.gid,n.atime,n.mtime,n.ctime,@atimensec,@mtimensec,@ctimensec,n.nlink,n.length,n." \
  "rdev,n.parent,"                                                                                                 \
  "@access_acl_id,@default_acl_id,@tier_id"
inline constexpr int kNodeColumnCount = 18;

Result<Attr> attr_at(const Query& row, int column);
/// inode, type
Result<EntryRecord> entry_at(const Query& row, int column);
/// slices
Result<SliceList> slices_at(const Query& row, int column);
/// deleted, slices
Result<DelayedSlicesRecord> delayed_slices_at(const Query& row, int column);
/// length, expire
DeletedFileRecord deleted_file_at(const Query& row, int column);
/// expire, info
SessionRecord session_at(const Query& row, int column);
/// ltype
Result<FlockRecord> flock_at(const Query& row, int column);
/// records
Result<std::vector<LockRange>> lock_ranges_at(const Query& row, int column);
/// data_length, used_space, used_inodes
DirStatsRecord dir_stats_at(const Query& row, int column);
/// max_space, max_inodes, used_space, used_inodes
DirQuotaRecord dir_quota_at(const Query& row, int column);
/// owner, group, mask, other, named_users, named_groups
Result<AclRecord> acl_at(const Query& row, int column);

}  // namespace headrace::records
