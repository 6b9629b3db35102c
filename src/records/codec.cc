// SPDX-License-Identifier: Apache-2.0
// Records to bytes and back.
#include "records/codec.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace headrace::records {
namespace {

/// Reads numbers off the front; the caller has checked the length.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    const T value = load_big_endian<T>(bytes_.data());
    bytes_.remove_prefix(sizeof(T));
    return value;
  }
  std::int64_t take_signed() { return static_cast<std::int64_t>(take<std::uint64_t>()); }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

void append_signed(std::string& out, std::int64_t value) { append_big_endian(out, static_cast<std::uint64_t>(value)); }

Error damaged(std::string_view what, std::size_t bytes) {
  return Error(Code::kDamaged, fmt::format("{} cannot have {} bytes", what, bytes));
}

constexpr std::size_t kInodeOldest = 63, kInodeWithParent = 71;

void append_time(std::string& out, const Timestamp& time) {
  append_signed(out, time.seconds);
  append_big_endian(out, time.nanoseconds);
}

Timestamp take_time(Taker& in) {
  const std::int64_t seconds = in.take_signed();
  return {seconds, in.take<std::uint32_t>()};
}

bool is_time(const Timestamp& time) { return time.nanoseconds < 1'000'000'000; }

AclList take_acl_list(Taker& in, std::size_t count) {
  AclList list;
  list.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = in.take<std::uint32_t>();
    list.emplace_back(id, in.take<std::uint16_t>());
  }
  return list;
}

constexpr std::size_t kAclEntryBytes = 6;

}  // namespace

Result<FileType> file_type_of(std::uint64_t stored) {
  if (stored < 1 || stored > 7) return Error(Code::kDamaged, fmt::format("there is no file type {}", stored));
  return static_cast<FileType>(stored);
}

std::string encode_slices(std::span<const Slice> slices) {
  std::string out;
  out.reserve(slices.size() * kSliceBytes);
  for (const Slice& slice : slices) {
    append_big_endian(out, slice.pos);
    append_big_endian(out, slice.id.value());
    append_big_endian(out, slice.size);
    append_big_endian(out, slice.off);
    append_big_endian(out, slice.len);
  }
  return out;
}

Result<SliceList> decode_slices(std::string_view bytes) {
  if (bytes.size() % kSliceBytes != 0) return damaged("a list of slices", bytes.size());
  SliceList slices(bytes.size() / kSliceBytes);
  Taker in(bytes);
  for (Slice& slice : slices) {
    slice.pos = in.take<std::uint32_t>();
    slice.id = SliceId{in.take<std::uint64_t>()};
    slice.size = in.take<std::uint32_t>();
    slice.off = in.take<std::uint32_t>();
    slice.len = in.take<std::uint32_t>();
  }
  return slices;
}

std::string encode_inode(const Attr& attr) {
  std::string out;
  out.reserve(81);
  out += static_cast<char>(attr.flags);
  append_big_endian(out, static_cast<std::uint16_t>(static_cast<unsigned>(attr.type) << 12 | (attr.mode & 0xFFFu)));
  append_big_endian(out, attr.uid);
  append_big_endian(out, attr.gid);
  append_time(out, attr.atime);
  append_time(out, attr.mtime);
  append_time(out, attr.ctime);
  append_big_endian(out, attr.nlink);
  append_big_endian(out, attr.length);
  append_big_endian(out, attr.rdev);
  append_big_endian(out, attr.parent.value());
  if (attr.access_acl != 0 || attr.default_acl != 0) {
    append_big_endian(out, attr.access_acl);
    append_big_endian(out, attr.default_acl);
  }
  if (attr.tier != 0) out += static_cast<char>(attr.tier);
  out += '\0';
  return out;
}

Result<Attr> decode_inode(std::string_view bytes) {
  if (bytes.size() < kInodeWithParent && bytes.size() != kInodeOldest) return damaged("an inode", bytes.size());
  Taker in(bytes);
  Attr attr;
  attr.flags = in.take<std::uint8_t>();
  const auto type_and_mode = in.take<std::uint16_t>();
  TRY(attr.type, file_type_of(type_and_mode >> 12));
  attr.mode = type_and_mode & 0xFFF;
  attr.uid = in.take<std::uint32_t>();
  attr.gid = in.take<std::uint32_t>();
  attr.atime = take_time(in);
  attr.mtime = take_time(in);
  attr.ctime = take_time(in);
  if (!is_time(attr.atime) || !is_time(attr.mtime) || !is_time(attr.ctime))
    return Error(Code::kDamaged, "an inode cannot have such nanoseconds");
  attr.nlink = in.take<std::uint32_t>();
  attr.length = in.take<std::uint64_t>();
  attr.rdev = in.take<std::uint32_t>();
  if (in.left() >= 8) attr.parent = Ino{in.take<std::uint64_t>()};
  if (in.left() >= 8) {
    attr.access_acl = in.take<std::uint32_t>();
    attr.default_acl = in.take<std::uint32_t>();
  }
  if (in.left() >= 1) attr.tier = in.take<std::uint8_t>();
  return attr;
}

std::string encode_entry(const EntryRecord& entry) {
  std::string out(1, static_cast<char>(entry.type));
  append_big_endian(out, entry.ino.value());
  return out;
}

Result<EntryRecord> decode_entry(std::string_view bytes) {
  if (bytes.size() != kEntryBytes) return damaged("a directory entry", bytes.size());
  Taker in(bytes);
  EntryRecord entry;
  TRY(entry.type, file_type_of(in.take<std::uint8_t>()));
  entry.ino = Ino{in.take<std::uint64_t>()};
  return entry;
}

std::string encode_lock_ranges(std::span<const LockRange> ranges) {
  std::string out;
  for (const LockRange& range : ranges) {
    append_big_endian(out, range.type);
    append_big_endian(out, range.pid);
    append_big_endian(out, range.start);
    append_big_endian(out, range.end);
  }
  return out;
}

Result<std::vector<LockRange>> decode_lock_ranges(std::string_view bytes) {
  if (bytes.size() % kLockRangeBytes != 0) return damaged("a list of lock ranges", bytes.size());
  std::vector<LockRange> ranges(bytes.size() / kLockRangeBytes);
  Taker in(bytes);
  for (LockRange& range : ranges) {
    range.type = in.take<std::uint32_t>();
    range.pid = in.take<std::uint32_t>();
    range.start = in.take<std::uint64_t>();
    range.end = in.take<std::uint64_t>();
  }
  return ranges;
}

std::string encode_delayed_slices(std::span<const SliceRefKey> slices) {
  std::string out;
  for (const SliceRefKey& slice : slices) {
    append_big_endian(out, slice.id.value());
    append_big_endian(out, slice.size);
  }
  return out;
}

Result<std::vector<SliceRefKey>> decode_delayed_slices(std::string_view bytes) {
  if (bytes.size() % kDelayedSliceBytes != 0) return damaged("a list of retired slices", bytes.size());
  std::vector<SliceRefKey> slices(bytes.size() / kDelayedSliceBytes);
  Taker in(bytes);
  for (SliceRefKey& slice : slices) {
    slice.id = SliceId{in.take<std::uint64_t>()};
    slice.size = in.take<std::uint32_t>();
  }
  return slices;
}

std::string encode_quota_limits(const DirQuotaRecord& quota) {
  std::string out;
  append_signed(out, quota.space_max);
  append_signed(out, quota.inodes_max);
  return out;
}

Result<DirQuotaRecord> decode_quota_limits(std::string_view bytes) {
  if (bytes.size() != kQuotaBytes) return damaged("a quota", bytes.size());
  Taker in(bytes);
  DirQuotaRecord quota;
  quota.space_max = in.take_signed();
  quota.inodes_max = in.take_signed();
  return quota;
}

std::string encode_acl_list(const AclList& list) {
  std::string out;
  for (const auto& [id, permissions] : list) {
    append_big_endian(out, id);
    append_big_endian(out, permissions);
  }
  return out;
}

Result<AclList> decode_acl_list(std::string_view bytes) {
  if (bytes.size() % kAclEntryBytes != 0) return damaged("a list of users or groups", bytes.size());
  Taker in(bytes);
  return take_acl_list(in, bytes.size() / kAclEntryBytes);
}

std::string encode_acl(const AclRecord& acl) {
  std::string out;
  for (const std::uint16_t word : {acl.owner, acl.group, acl.mask, acl.other}) append_big_endian(out, word);
  for (const AclList* list : {&acl.users, &acl.groups}) {
    append_big_endian(out, static_cast<std::uint32_t>(list->size()));
    out += encode_acl_list(*list);
  }
  return out;
}

Result<AclRecord> decode_acl(std::string_view bytes) {
  Taker in(bytes);
  if (in.left() < 8 + 4) return damaged("an ACL rule", bytes.size());
  AclRecord acl;
  for (std::uint16_t* word : {&acl.owner, &acl.group, &acl.mask, &acl.other}) *word = in.take<std::uint16_t>();
  for (AclList* list : {&acl.users, &acl.groups}) {
    if (in.left() < 4) return damaged("an ACL rule", bytes.size());
    const std::size_t count = in.take<std::uint32_t>();
    if (in.left() / kAclEntryBytes < count) return damaged("an ACL rule", bytes.size());
    *list = take_acl_list(in, count);
  }
  if (in.left() != 0) return damaged("an ACL rule", bytes.size());
  return acl;
}

}  // namespace headrace::records
