// SPDX-License-Identifier: Apache-2.0
// Whole parts are read in place and checked there; the ends of a range go through a buffer.
#include "block/checked_copy.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/checksum.h"

namespace headrace::block {

CheckedCopy::CheckedCopy(std::shared_ptr<Arena> arena, const Slot& slot, std::uint32_t size)
    : arena_(std::move(arena)), slot_(slot), size_(size), checksums_((size + kCheckedBytes - 1) / kCheckedBytes) {
  CHECK(size <= slot.bytes);
}

CheckedCopy::~CheckedCopy() { arena_->free(slot_); }

Result<void> CheckedCopy::write(ByteSpan bytes) {
  CHECK(bytes.size() == size_);
  for (std::size_t part = 0; part < checksums_.size(); ++part) {
    const std::size_t start = part * kCheckedBytes;
    checksums_[part] = xxh3(bytes.subspan(start, std::min<std::size_t>(kCheckedBytes, bytes.size() - start)));
  }
  return arena_->write(slot_.offset, bytes);
}

Result<void> CheckedCopy::read_checked(std::uint64_t part, MutableByteSpan into) const {
  TRY_OK(arena_->read(slot_.offset + part * kCheckedBytes, into));
  if (xxh3(into) != checksums_[part]) return Code::kDamaged;
  return {};
}

Result<void> CheckedCopy::read(std::uint64_t offset, MutableByteSpan into) const {
  CHECK(offset + into.size() <= size_);
  std::uint64_t at = offset;
  while (!into.empty()) {
    const std::uint64_t part = at / kCheckedBytes, start = part * kCheckedBytes;
    const std::size_t part_size = std::min<std::size_t>(kCheckedBytes, size_ - start);
    if (at == start && into.size() >= part_size) {
      TRY_OK(read_checked(part, into.first(part_size)));
      at += part_size;
      into = into.subspan(part_size);
      continue;
    }
    std::array<std::byte, kCheckedBytes> whole;  // NOLINT: filled by the next line
    TRY_OK(read_checked(part, MutableByteSpan(whole).first(part_size)));
    const std::size_t count = std::min<std::size_t>(into.size(), start + part_size - at);
    std::memcpy(into.data(), whole.data() + (at - start), count);
    at += count;
    into = into.subspan(count);
  }
  return {};
}

}  // namespace headrace::block
