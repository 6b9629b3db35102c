// SPDX-License-Identifier: Apache-2.0
// Rows to records.
#include "records/sqlite/rows.h"

#include "records/codec.h"
#include "records/sqlite/values.h"

namespace headrace::records {
namespace {

template <class T>
T number_at(const Query& row, int column) {
  return static_cast<T>(row.integer_at(column));
}

}  // namespace

Result<Attr> attr_at(const Query& row, int c) {
  Attr attr;
  TRY(attr.type, file_type_of(from_sql(row.integer_at(c))));
  attr.flags = number_at<std::uint8_t>(row, c + 1);
  attr.mode = number_at<std::uint16_t>(row, c + 2) & 0xFFF;
  attr.uid = number_at<std::uint32_t>(row, c + 3);
  attr.gid = number_at<std::uint32_t>(row, c + 4);
  attr.atime = timestamp_of({row.integer_at(c + 5), row.integer_at(c + 8)});
  attr.mtime = timestamp_of({row.integer_at(c + 6), row.integer_at(c + 9)});
  attr.ctime = timestamp_of({row.integer_at(c + 7), row.integer_at(c + 10)});
  attr.nlink = number_at<std::uint32_t>(row, c + 11);
  attr.length = from_sql(row.integer_at(c + 12));
  attr.rdev = number_at<std::uint32_t>(row, c + 13);
  attr.parent = Ino{from_sql(row.integer_at(c + 14))};
  attr.access_acl = number_at<std::uint32_t>(row, c + 15);
  attr.default_acl = number_at<std::uint32_t>(row, c + 16);
  attr.tier = number_at<std::uint8_t>(row, c + 17);
  return attr;
}

Result<EntryRecord> entry_at(const Query& row, int c) {
  EntryRecord entry;
  entry.ino = Ino{from_sql(row.integer_at(c))};
  TRY(entry.type, file_type_of(from_sql(row.integer_at(c + 1))));
  return entry;
}

Result<SliceList> slices_at(const Query& row, int c) { return decode_slices(row.bytes_at(c)); }

Result<DelayedSlicesRecord> delayed_slices_at(const Query& row, int c) {
  DelayedSlicesRecord delayed;
  delayed.deleted_seconds = row.integer_at(c);
  TRY(delayed.slices, decode_delayed_slices(row.bytes_at(c + 1)));
  return delayed;
}

DeletedFileRecord deleted_file_at(const Query& row, int c) {
  return {from_sql(row.integer_at(c)), row.integer_at(c + 1)};
}

SessionRecord session_at(const Query& row, int c) { return {row.integer_at(c), std::string(row.bytes_at(c + 1))}; }

Result<FlockRecord> flock_at(const Query& row, int c) {
  TRY(const bool is_exclusive, is_exclusive_flock(row.integer_at(c)));
  return FlockRecord{is_exclusive};
}

Result<std::vector<LockRange>> lock_ranges_at(const Query& row, int c) { return decode_lock_ranges(row.bytes_at(c)); }

DirStatsRecord dir_stats_at(const Query& row, int c) {
  return {row.integer_at(c), row.integer_at(c + 1), row.integer_at(c + 2)};
}

DirQuotaRecord dir_quota_at(const Query& row, int c) {
  return {row.integer_at(c), row.integer_at(c + 1), row.integer_at(c + 2), row.integer_at(c + 3)};
}

Result<AclRecord> acl_at(const Query& row, int c) {
  AclRecord acl;
  acl.owner = number_at<std::uint16_t>(row, c);
  acl.group = number_at<std::uint16_t>(row, c + 1);
  acl.mask = number_at<std::uint16_t>(row, c + 2);
  acl.other = number_at<std::uint16_t>(row, c + 3);
  TRY(acl.users, decode_acl_list(row.bytes_at(c + 4)));
  TRY(acl.groups, decode_acl_list(row.bytes_at(c + 5)));
  return acl;
}

}  // namespace headrace::records
