// SPDX-License-Identifier: Apache-2.0
// Bytes in the arena with a checksum (XXH3) for each 32 KiB of them, so that a small read is checked without reading
// all.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "block/arena.h"

namespace headrace::block {

inline constexpr std::uint32_t kCheckedBytes = 32u << 10;

/// Written once, then read by anyone: write() happens before the first read() of any thread. The slot is freed with the
/// object.
class CheckedCopy {
 public:
  CheckedCopy(std::shared_ptr<Arena> arena, const Slot& slot, std::uint32_t size);
  ~CheckedCopy();
  CheckedCopy(const CheckedCopy&) = delete;
  CheckedCopy& operator=(const CheckedCopy&) = delete;

  /// All bytes, `size()` of them.
  Result<void> write(ByteSpan bytes);
  /// Bytes [offset, offset + into.size()), which lie within. kDamaged: they do not match what was written.
  Result<void> read(std::uint64_t offset, MutableByteSpan into) const;

  std::uint32_t size() const { return size_; }
  const Slot& slot() const { return slot_; }

 private:
  Result<void> read_checked(std::uint64_t part, MutableByteSpan into) const;

  const std::shared_ptr<Arena> arena_;
  const Slot slot_;
  const std::uint32_t size_;
  std::vector<std::uint64_t> checksums_;
};

}  // namespace headrace::block
