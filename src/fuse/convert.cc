// SPDX-License-Identifier: Apache-2.0
#include "fuse/convert.h"

#include <cstring>

namespace headrace::fuse {
namespace {

constexpr std::uint32_t kNanosecondsOfSecond = 1'000'000'000;
/// The unit of STATFS, as JuiceFS has it.
constexpr std::uint64_t kStatfsBlock = 4096;

struct Validity {
  std::uint64_t seconds;
  std::uint32_t nanoseconds;
};
Validity validity_of(Duration ttl) {
  if (ttl.count() <= 0) return {0, 0};
  return {static_cast<std::uint64_t>(ttl.count()) / kNanosecondsOfSecond,
          static_cast<std::uint32_t>(ttl.count() % kNanosecondsOfSecond)};
}

/// The kernel's DT_ number: the type bits of a mode, shifted.
std::uint32_t dirent_type_of(FileType type) { return mode_bits_of(type) >> 12; }

}  // namespace

fuse_attr attr_of(Ino ino, const Attr& attr) {
  fuse_attr out{};
  out.ino = ino.value();
  out.size = attr.length;
  out.blocks = (attr.length + 511) / 512;
  out.atime = static_cast<std::uint64_t>(attr.atime.seconds);
  out.mtime = static_cast<std::uint64_t>(attr.mtime.seconds);
  out.ctime = static_cast<std::uint64_t>(attr.ctime.seconds);
  out.atimensec = attr.atime.nanoseconds;
  out.mtimensec = attr.mtime.nanoseconds;
  out.ctimensec = attr.ctime.nanoseconds;
  out.mode = mode_bits_of(attr.type) | attr.mode;
  out.nlink = attr.nlink;
  out.uid = attr.uid;
  out.gid = attr.gid;
  out.rdev = attr.rdev;
  out.blksize = kPreferredIoBytes;
  return out;
}

fuse_attr_out attr_out_of(const vfs::NodeAttr& node) {
  fuse_attr_out out{};
  const Validity validity = validity_of(node.attr_ttl);
  out.attr_valid = validity.seconds;
  out.attr_valid_nsec = validity.nanoseconds;
  out.attr = attr_of(node.ino, node.attr);
  return out;
}

fuse_entry_out entry_out_of(const vfs::NodeEntry& entry) {
  fuse_entry_out out{};
  out.nodeid = entry.node;
  out.generation = entry.generation;
  const Validity name = validity_of(entry.entry_ttl), attr = validity_of(entry.attr_ttl);
  out.entry_valid = name.seconds;
  out.entry_valid_nsec = name.nanoseconds;
  out.attr_valid = attr.seconds;
  out.attr_valid_nsec = attr.nanoseconds;
  if (entry.node != 0) out.attr = attr_of(entry.ino, entry.attr);
  return out;
}

OpenOut open_out_of(const vfs::Opened& opened) {
  OpenOut out{opened.handle, 0, 0};
  switch (opened.mode) {
    case vfs::OpenMode::kDirect: out.open_flags = FOPEN_DIRECT_IO; break;
    case vfs::OpenMode::kCached: out.open_flags = opened.keep_cache ? FOPEN_KEEP_CACHE : 0; break;
    case vfs::OpenMode::kPass:
      out.open_flags = kOpenPassthrough;
      out.backing_id = opened.backing_id;
      break;
    case vfs::OpenMode::kPassDirect:
      out.open_flags = kOpenPassthrough | FOPEN_DIRECT_IO;
      out.backing_id = opened.backing_id;
      break;
  }
  return out;
}

fuse_statfs_out statfs_out_of(const meta::VolumeUsage& usage) {
  fuse_statfs_out out{};
  out.st.blocks = usage.total_bytes / kStatfsBlock;
  out.st.bfree = out.st.bavail = usage.available_bytes / kStatfsBlock;
  out.st.files = usage.used_inodes + usage.available_inodes;
  out.st.ffree = usage.available_inodes;
  out.st.bsize = out.st.frsize = kStatfsBlock;
  out.st.namelen = kNameBytesMax;
  return out;
}

Result<vfs::SetAttr> set_attr_of(const fuse_setattr_in& in) {
  if (in.atimensec >= kNanosecondsOfSecond || in.mtimensec >= kNanosecondsOfSecond) return Code::kInvalid;
  const auto has = [&in](std::uint32_t bit) { return (in.valid & bit) != 0; };
  vfs::SetAttr set;
  if (has(FATTR_MODE)) set.change.mode = static_cast<std::uint16_t>(in.mode & 07777);
  if (has(FATTR_UID)) set.change.uid = in.uid;
  if (has(FATTR_GID)) set.change.gid = in.gid;
  if (has(FATTR_ATIME_NOW)) {
    set.change.atime_now = true;
  } else if (has(FATTR_ATIME)) {
    set.change.atime = Timestamp{static_cast<std::int64_t>(in.atime), in.atimensec};
  }
  if (has(FATTR_MTIME_NOW)) {
    set.change.mtime_now = true;
  } else if (has(FATTR_MTIME)) {
    set.change.mtime = Timestamp{static_cast<std::int64_t>(in.mtime), in.mtimensec};
  }
  if (has(FATTR_SIZE)) set.size = in.size;
  if (has(FATTR_FH)) set.handle = in.fh;
  // HANDLE_KILLPRIV_V2: suid and sgid are ours to take. A truncation says so; a chown to nobody else arrives as a
  // change of nothing.
  set.kills_privileges = has(FATTR_KILL_SUIDGID) || in.valid == 0;
  return set;
}

bool ListingPacker::add(const vfs::Listed& entry) {
  const std::size_t name_at = plus_ ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET;
  const std::size_t record_bytes = FUSE_REC_ALIGN(name_at + entry.name.size());
  if (is_full_ || room_.size() - used_ < record_bytes) {
    is_full_ = true;
    return false;
  }
  std::byte* const at = room_.data() + used_;
  std::memset(at, 0, record_bytes);
  if (plus_) {
    const fuse_entry_out head = entry.has_entry ? entry_out_of(entry.entry) : fuse_entry_out{};
    std::memcpy(at, &head, sizeof head);
  }
  std::byte* const dirent = at + name_at - FUSE_NAME_OFFSET;
  const std::uint64_t numbers[2] = {entry.ino.value(), entry.next_cookie};
  const std::uint32_t words[2] = {static_cast<std::uint32_t>(entry.name.size()), dirent_type_of(entry.type)};
  std::memcpy(dirent + offsetof(fuse_dirent, ino), numbers, sizeof numbers);
  std::memcpy(dirent + offsetof(fuse_dirent, namelen), words, sizeof words);
  std::memcpy(at + name_at, entry.name.data(), entry.name.size());
  used_ += record_bytes;
  return true;
}

void for_each_lookup(ByteSpan packed_plus, FunctionRef<void(NodeId)> visit) {
  while (packed_plus.size() >= sizeof(fuse_direntplus)) {
    fuse_direntplus head{};
    std::memcpy(static_cast<void*>(&head), packed_plus.data(), sizeof head);
    if (head.entry_out.nodeid != 0) visit(head.entry_out.nodeid);
    packed_plus = packed_plus.subspan(FUSE_REC_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + head.dirent.namelen));
  }
}

}  // namespace headrace::fuse
