// SPDX-License-Identifier: Apache-2.0
// What is known of a file besides its bytes, and who is asking.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/types.h"

namespace headrace {

/// JuiceFS's own numbers (not S_IFMT >> 12): they are stored.
enum class FileType : std::uint8_t {
  kRegular = 1,
  kDirectory = 2,
  kSymlink = 3,
  kFifo = 4,
  kBlockDevice = 5,
  kCharDevice = 6,
  kSocket = 7
};

/// The S_IFMT bits of a type.
std::uint32_t mode_bits_of(FileType type);
/// The type of S_IFMT bits; kRegular where they name none.
FileType type_of_mode(std::uint32_t mode);

/// A moment of the wall clock since the Unix epoch, in UTC.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;  // 0 … 999,999,999
  friend constexpr auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// Nanoseconds between two moments, saturating.
std::int64_t nanoseconds_between(const Timestamp& from, const Timestamp& to);

/// The flags byte of an inode record (chattr's letters).
inline constexpr std::uint8_t kFlagImmutable = 1u << 0, kFlagAppend = 1u << 1, kFlagSkipTrash = 1u << 5;

struct Attr {
  FileType type = FileType::kRegular;
  std::uint8_t flags = 0;
  std::uint16_t mode = 0;  // the 12 permission bits
  std::uint32_t uid = 0, gid = 0;
  Timestamp atime, mtime, ctime;
  std::uint32_t nlink = 1;
  std::uint64_t length = 0;  // bytes; a directory 4096, a symlink its target's length
  std::uint32_t rdev = 0;    // new_encode_dev form, as FUSE passes it
  Ino parent;                // 0: hard-linked, the parents stand elsewhere
  std::uint32_t access_acl = 0, default_acl = 0;
  std::uint8_t tier = 0;
  friend bool operator==(const Attr&, const Attr&) = default;
};

/// What a file costs in the volume's accounts: its length rounded up to 4096, and never less (format sheet,
/// section 3.7).
constexpr std::uint64_t space_of_length(std::uint64_t length) {
  return length == 0 ? 4096 : (length + 4095) / 4096 * 4096;
}
constexpr std::uint64_t space_of(const Attr& attr) {
  return attr.type == FileType::kRegular ? space_of_length(attr.length) : 4096;
}

/// Who asks. `groups` holds the supplementary groups where they are known; the kernel sends only one gid.
struct Caller {
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t pid = 0;
  std::uint32_t umask = 0;
  std::vector<std::uint32_t> groups;

  bool is_root() const { return uid == 0; }
  bool is_in_group(std::uint32_t group) const {
    if (gid == group) return true;
    for (const std::uint32_t other : groups) {
      if (other == group) return true;
    }
    return false;
  }
};

}  // namespace headrace
