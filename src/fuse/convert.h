// SPDX-License-Identifier: Apache-2.0
// Between the kernel's structs and the file system's: attributes, entries, open modes, listings. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "fuse/abi.h"
#include "fuse/request.h"
#include "vfs/file_system.h"

namespace headrace::fuse {

/// st_blksize of everything, as JuiceFS has it.
inline constexpr std::uint32_t kPreferredIoBytes = 65536;

fuse_attr attr_of(Ino ino, const Attr& attr);
fuse_attr_out attr_out_of(const vfs::NodeAttr& node);
/// Node 0 is a name known not to exist, to be remembered for the entry's time.
fuse_entry_out entry_out_of(const vfs::NodeEntry& entry);
/// How the kernel shall serve the open file: never FOPEN_NOFLUSH, because POSIX locks end at FLUSH.
OpenOut open_out_of(const vfs::Opened& opened);
fuse_statfs_out statfs_out_of(const meta::VolumeUsage& usage);

/// What a SETATTR changes. FATTR_CTIME is left out: the change time is ours to set. kInvalid: nanoseconds above a
/// second.
Result<vfs::SetAttr> set_attr_of(const fuse_setattr_in& in);

/// Packs a directory's entries as READDIR and READDIRPLUS reply with them.
class ListingPacker {
 public:
  ListingPacker(MutableByteSpan room, bool plus) : room_(room), plus_(plus) {}
  /// False: it does not fit, and nothing was written.
  bool add(const vfs::Listed& entry);
  ByteSpan packed() const { return room_.first(used_); }
  /// An entry was refused.
  bool is_full() const { return is_full_; }

 private:
  MutableByteSpan room_;
  const bool plus_;
  std::size_t used_ = 0;
  bool is_full_ = false;
};

/// Calls `visit(node)` for each entry of a packed READDIRPLUS listing that counted a lookup.
void for_each_lookup(ByteSpan packed_plus, FunctionRef<void(NodeId)> visit);

}  // namespace headrace::fuse
