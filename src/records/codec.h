// SPDX-License-Identifier: Apache-2.0
// The byte forms of records (juicefs-volume-format, sections 1.1, 3.2–3.5, 3.10), the same in every engine that stores
// bytes. All numbers are big-endian. Encoders take any record; decoders take any bytes and answer kDamaged, with what
// is wrong with them, where they are no such record. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "records/keys.h"

namespace headrace::records {

inline constexpr std::size_t kSliceBytes = 24, kLockRangeBytes = 24, kDelayedSliceBytes = 12, kEntryBytes = 9,
                             kQuotaBytes = 16;

/// A chunk's list: pos u32, id u64, size u32, off u32, len u32 for each reference. Refused: no whole number of them.
std::string encode_slices(std::span<const Slice> slices);
Result<SliceList> decode_slices(std::string_view bytes);

/// An inode of the Redis layout: 72 bytes, 8 more with ACLs, 1 more with a tier. Read: also what older clients wrote
/// (63 bytes, without the parent; 71, without the last byte) and, up to what is known of it, what newer ones may
/// append. Refused: shorter or between, a type that does not exist, nanoseconds beyond a second.
std::string encode_inode(const Attr& attr);
Result<Attr> decode_inode(std::string_view bytes);

/// A directory entry: type u8, inode u64. Refused: other than 9 bytes, a type that does not exist.
std::string encode_entry(const EntryRecord& entry);
Result<EntryRecord> decode_entry(std::string_view bytes);

/// POSIX locks of one owner: type u32, pid u32, start u64, end u64 for each range. Refused: no whole number of them.
std::string encode_lock_ranges(std::span<const LockRange> ranges);
Result<std::vector<LockRange>> decode_lock_ranges(std::string_view bytes);

/// Retired slices: id u64, size u32 for each. Refused: no whole number of them.
std::string encode_delayed_slices(std::span<const SliceRefKey> slices);
Result<std::vector<SliceRefKey>> decode_delayed_slices(std::string_view bytes);

/// Limits of a quota (Redis): space i64, inodes i64; what is used stands elsewhere. Refused: other than 16 bytes.
std::string encode_quota_limits(const DirQuotaRecord& quota);
Result<DirQuotaRecord> decode_quota_limits(std::string_view bytes);

/// An ACL rule (Redis): four words u16, then the users and the groups, each with a count u32 in front. Refused: a
/// length that does not fit the counts.
std::string encode_acl(const AclRecord& acl);
Result<AclRecord> decode_acl(std::string_view bytes);
/// The users or the groups of a rule (SQL): id u32, permissions u16 for each, without a count. Refused: no whole number
/// of them.
using AclList = std::vector<std::pair<std::uint32_t, std::uint16_t>>;
std::string encode_acl_list(const AclList& list);
Result<AclList> decode_acl_list(std::string_view bytes);

/// The type that a stored number names. kDamaged: none.
Result<FileType> file_type_of(std::uint64_t stored);

}  // namespace headrace::records
