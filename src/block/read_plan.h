// SPDX-License-Identifier: Apache-2.0
// Which bytes of which blocks make up a stretch of a file. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/extent.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "block/block.h"

namespace headrace::block {

/// `length` bytes from `offset` of a block, which belong at `into` of the reader's buffer.
struct BlockPart {
  BlockKey key;
  std::uint32_t offset = 0, length = 0;
  std::uint64_t into = 0;

  bool is_whole() const { return offset == 0 && length == key.size; }
  friend bool operator==(const BlockPart&, const BlockPart&) = default;
};

/// `length` zeros at `into` of the reader's buffer.
struct ZeroPart {
  std::uint64_t into = 0, length = 0;
  friend bool operator==(const ZeroPart&, const ZeroPart&) = default;
};

struct ReadPlan {
  std::vector<BlockPart> parts;  // sorted by block: parts of one block stand together
  std::vector<ZeroPart> zeros;
};

/// The plan for [file_offset, file_offset + length). kInvalid: the extents are not sorted or leave a gap there.
/// kDamaged: one lies outside its slice.
Result<ReadPlan> plan_read(const Layout& layout, std::span<const Extent> extents, std::uint64_t file_offset,
                           std::uint64_t length);

/// Calls `visit` with each part of an extent's blocks, in the order of the file, until it says false. Holes have none.
/// kDamaged as above.
Result<void> for_each_part(const Layout& layout, const Extent& extent, FunctionRef<bool(const BlockPart&)> visit);

}  // namespace headrace::block
