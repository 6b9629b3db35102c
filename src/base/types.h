// SPDX-License-Identifier: Apache-2.0
// Numbers that name something, each of its own type, so that an inode cannot be passed where a slice is meant.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace headrace {

template <class Tag, class Number = std::uint64_t>
class StrongNumber {
 public:
  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(Number value) : value_(value) {}
  constexpr Number value() const { return value_; }
  friend constexpr auto operator<=>(StrongNumber, StrongNumber) = default;

 private:
  Number value_ = 0;
};

/// An inode number of the volume. 1 is the root; trash inodes start at kTrashRoot.
using Ino = StrongNumber<struct InoTag>;
/// A slice: one immutable piece of written data. 0 stands for a hole.
using SliceId = StrongNumber<struct SliceIdTag>;
/// Which 64 MiB window of a file.
using ChunkIndex = StrongNumber<struct ChunkIndexTag, std::uint32_t>;
/// A client of the volume (a mount). 0 means none.
using SessionId = StrongNumber<struct SessionIdTag>;
/// The kernel's number for the owner of a lock.
using LockOwner = StrongNumber<struct LockOwnerTag>;

inline constexpr Ino kRootIno{1};
inline constexpr Ino kTrashRoot{0x7FFFFFFF10000000ull};
/// Hour directories of the trash and what follows: the number of the trash root and all above.
constexpr bool is_trash(Ino ino) { return ino >= kTrashRoot; }

/// Chunks are windows of 64 MiB (juicefs-volume-format, section 1).
inline constexpr std::uint64_t kChunkBytes = 64ull << 20;
/// One past the largest file: offsets stay below 64 MiB << 31.
inline constexpr std::uint64_t kFileBytesMax = kChunkBytes << 31;
inline constexpr std::size_t kNameBytesMax = 255;
/// A symlink's target is shorter than this.
inline constexpr std::size_t kSymlinkBytesMax = 4096;

constexpr ChunkIndex chunk_of(std::uint64_t offset) {
  return ChunkIndex{static_cast<std::uint32_t>(offset / kChunkBytes)};
}
constexpr std::uint32_t offset_in_chunk(std::uint64_t offset) {
  return static_cast<std::uint32_t>(offset % kChunkBytes);
}
constexpr std::uint64_t start_of(ChunkIndex chunk) { return chunk.value() * kChunkBytes; }

}  // namespace headrace

template <class Tag, class Number>
struct std::hash<headrace::StrongNumber<Tag, Number>> {
  std::size_t operator()(headrace::StrongNumber<Tag, Number> number) const noexcept {
    // Fibonacci hashing: inode and slice numbers are dense, and tables use the low bits.
    return static_cast<std::size_t>(number.value()) * 0x9E3779B97F4A7C15ull >> 7;
  }
};
