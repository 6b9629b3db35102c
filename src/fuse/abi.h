// SPDX-License-Identifier: Apache-2.0
// The kernel's side of the wire, protocol 7.45: linux/fuse.h for what every supported system's header has (7.38, Debian
// 12), and under names of our own what came later. Values are the kernel's (include/uapi/linux/fuse.h); the layouts are
// pinned here, because a system header that differs in one field would be found by users, not by tests.
#pragma once

#include <linux/fuse.h>
#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace headrace::fuse {

/// The protocol this program speaks, and the oldest one it serves (Linux 3.5: everything a request parser here relies
/// on).
inline constexpr std::uint32_t kProtocolMajor = 7, kProtocolMinor = 45, kProtocolMinorOldest = 19;

/// Sizes of one request: the largest READ and WRITE, and what its header, struct and names may take besides.
inline constexpr std::size_t kDataBytesMax = 1u << 20;
inline constexpr std::uint16_t kPagesMax = 256;

// Bits of the 64-bit INIT word; those from 32 on count only beside FUSE_INIT_EXT.
inline constexpr std::uint64_t kInitCreateSuppGroup = 1ull << 34, kInitHasExpireOnly = 1ull << 35,
                               kInitDirectIoAllowMmap = 1ull << 36, kInitPassthrough = 1ull << 37,
                               kInitNoExportSupport = 1ull << 38, kInitHasResend = 1ull << 39,
                               kInitAllowIdmap = 1ull << 40, kInitOverIoUring = 1ull << 41,
                               kInitRequestTimeout = 1ull << 42;

inline constexpr std::uint32_t kOpenPassthrough = 1u << 7;  // beside FOPEN_*
inline constexpr std::uint32_t kOpStatx = 52, kOpCopyFileRange64 = 53;
inline constexpr std::int32_t kNotifyResend = 7, kNotifyIncEpoch = 8, kNotifyPrune = 9;
inline constexpr std::uint32_t kNotifyIncEpochMinor = 44;  // the first protocol that has it
inline constexpr std::uint64_t kUniqueResend = 1ull
                                               << 63;  // set in `unique` of a request sent again; the reply repeats it
inline constexpr std::uint32_t kExtensionGroups = 32;  // the extension that carries a supplementary group

/// Reply to INIT. Before 7.23 the kernel wants its first 24 bytes alone.
struct InitOut {
  std::uint32_t major, minor, max_readahead, flags;
  std::uint16_t max_background, congestion_threshold;
  std::uint32_t max_write, time_gran;
  std::uint16_t max_pages, map_alignment;
  std::uint32_t flags2, max_stack_depth;
  std::uint16_t request_timeout, unused[11];
};
inline constexpr std::size_t kInitOutBytesBefore23 = 24;
static_assert(sizeof(InitOut) == 64 && offsetof(InitOut, max_write) == 20 && offsetof(InitOut, flags2) == 32 &&
              offsetof(InitOut, max_stack_depth) == 36 && offsetof(InitOut, request_timeout) == 40);

/// Reply to OPEN and OPENDIR; behind an entry in the reply to CREATE and TMPFILE.
struct OpenOut {
  std::uint64_t fh;
  std::uint32_t open_flags;
  std::int32_t backing_id;
};
static_assert(sizeof(OpenOut) == 16 && offsetof(OpenOut, backing_id) == 12);

/// Argument of kIocBackingOpen; flags and padding are 0.
struct BackingMap {
  std::int32_t fd;
  std::uint32_t flags;
  std::uint64_t padding;
};
static_assert(sizeof(BackingMap) == 16);

/// Reply to COPY_FILE_RANGE_64.
struct CopyFileRangeOut {
  std::uint64_t bytes_copied;
};
static_assert(sizeof(CopyFileRangeOut) == 8);

/// The head of one extension at the end of a request: `size` counts the head too and is a multiple of 8.
struct ExtensionHeader {
  std::uint32_t size, type;
};
static_assert(sizeof(ExtensionHeader) == 8);

inline constexpr unsigned long kIocClone = FUSE_DEV_IOC_CLONE;  // pointer to the first descriptor
inline constexpr unsigned long kIocBackingOpen = _IOW(FUSE_DEV_IOC_MAGIC, 1, BackingMap);      // returns an id > 0
inline constexpr unsigned long kIocBackingClose = _IOW(FUSE_DEV_IOC_MAGIC, 2, std::uint32_t);  // pointer to the id
static_assert(kIocClone == 0x8004e500 && kIocBackingOpen == 0x4010e501 && kIocBackingClose == 0x4004e502);

// What the system's header says of everything else.
static_assert(sizeof(fuse_in_header) == 40 && offsetof(fuse_in_header, unique) == 8 &&
              offsetof(fuse_in_header, total_extlen) == 36);
static_assert(sizeof(fuse_out_header) == 16 && offsetof(fuse_out_header, unique) == 8);
static_assert(sizeof(fuse_attr) == 88 && offsetof(fuse_attr, atime) == 24 && offsetof(fuse_attr, mode) == 60 &&
              offsetof(fuse_attr, blksize) == 80);
static_assert(sizeof(fuse_entry_out) == 128 && offsetof(fuse_entry_out, attr) == 40);
static_assert(sizeof(fuse_attr_out) == 104 && offsetof(fuse_attr_out, attr) == 16);
static_assert(sizeof(fuse_init_in) == 64 && offsetof(fuse_init_in, flags2) == 16);
static_assert(sizeof(fuse_dirent) == 24 && sizeof(fuse_direntplus) == 152 && offsetof(fuse_direntplus, dirent) == 128);
static_assert(sizeof(fuse_kstatfs) == 80 && sizeof(fuse_statfs_out) == 80);
static_assert(sizeof(fuse_forget_in) == 8 && sizeof(fuse_forget_one) == 16 && sizeof(fuse_batch_forget_in) == 8);
static_assert(sizeof(fuse_getattr_in) == 16 && sizeof(fuse_setattr_in) == 88 && offsetof(fuse_setattr_in, mode) == 68);
static_assert(sizeof(fuse_mknod_in) == 16 && sizeof(fuse_mkdir_in) == 8 && sizeof(fuse_rename_in) == 8 &&
              sizeof(fuse_rename2_in) == 16);
static_assert(sizeof(fuse_link_in) == 8 && sizeof(fuse_open_in) == 8 && sizeof(fuse_create_in) == 16 &&
              sizeof(fuse_release_in) == 24);
static_assert(sizeof(fuse_flush_in) == 24 && sizeof(fuse_read_in) == 40 && sizeof(fuse_write_in) == 40 &&
              sizeof(fuse_write_out) == 8);
static_assert(sizeof(fuse_fsync_in) == 16 && sizeof(fuse_setxattr_in) == 16 && sizeof(fuse_getxattr_in) == 8 &&
              sizeof(fuse_getxattr_out) == 8);
static_assert(sizeof(fuse_lk_in) == 48 && sizeof(fuse_lk_out) == 24 && sizeof(fuse_interrupt_in) == 8);
static_assert(sizeof(fuse_fallocate_in) == 32 && sizeof(fuse_lseek_in) == 24 && sizeof(fuse_lseek_out) == 8);
static_assert(sizeof(fuse_copy_file_range_in) == 56 && sizeof(fuse_syncfs_in) == 8);
static_assert(sizeof(fuse_notify_inval_inode_out) == 24 && sizeof(fuse_notify_inval_entry_out) == 16);

/// Before FUSE_SETXATTR_EXT a setxattr has only `size` and `flags`.
inline constexpr std::size_t kSetxattrInBytesBeforeExt = FUSE_COMPAT_SETXATTR_IN_SIZE;
static_assert(kSetxattrInBytesBeforeExt == 8);
/// Before FUSE_INIT_EXT an INIT ends behind `flags`.
inline constexpr std::size_t kInitInBytesBeforeExt = offsetof(fuse_init_in, flags2);
static_assert(kInitInBytesBeforeExt == 16);

}  // namespace headrace::fuse
