// SPDX-License-Identifier: Apache-2.0
// Arithmetic on extents.
#include "block/read_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace headrace::block {
namespace {

/// The part of an extent within [start, end); it must reach into that.
Extent clipped(Extent extent, std::uint64_t start, std::uint64_t end) {
  const std::uint64_t cut = start > extent.offset ? start - extent.offset : 0;
  extent.offset += cut;
  extent.slice_offset += static_cast<std::uint32_t>(cut);
  extent.length = std::min(extent.length - cut, end - extent.offset);
  return extent;
}

Result<void> check(const Extent& extent) {
  const bool is_inside =
      extent.slice_offset <= extent.slice_size && extent.length <= extent.slice_size - extent.slice_offset;
  if (extent.is_hole() || is_inside) return {};
  return Error(Code::kDamaged, fmt::format("an extent names bytes {}+{} of slice {}, which has {}", extent.slice_offset,
                                           extent.length, extent.slice.value(), extent.slice_size));
}

}  // namespace

Result<void> for_each_part(const Layout& layout, const Extent& extent, FunctionRef<bool(const BlockPart&)> visit) {
  if (extent.is_hole()) return {};
  TRY_OK(check(extent));
  std::uint64_t done = 0;
  while (done < extent.length) {
    const auto position = static_cast<std::uint32_t>(extent.slice_offset + done);
    BlockPart part;
    part.key = block_key(layout, extent.slice, extent.slice_size, position / layout.block_bytes);
    part.offset = position % layout.block_bytes;
    part.length =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(part.key.size - part.offset, extent.length - done));
    part.into = extent.offset + done;
    done += part.length;
    if (!visit(part)) return {};
  }
  return {};
}

Result<ReadPlan> plan_read(const Layout& layout, std::span<const Extent> extents, std::uint64_t file_offset,
                           std::uint64_t length) {
  ReadPlan plan;
  std::uint64_t at = file_offset;
  const std::uint64_t end = file_offset + length;
  for (const Extent& whole : extents) {
    if (at == end) break;
    if (whole.end() <= at) continue;
    if (whole.offset > at) break;
    TRY_OK(check(whole));
    const Extent extent = clipped(whole, at, end);
    at = extent.end();
    if (extent.is_hole()) {
      plan.zeros.push_back({extent.offset - file_offset, extent.length});
      continue;
    }
    TRY_OK(for_each_part(layout, extent, [&](BlockPart part) {
      part.into -= file_offset;
      plan.parts.push_back(part);
      return true;
    }));
  }
  if (at != end) return Error(Code::kInvalid, fmt::format("no extent says where the bytes from {} on are", at));
  std::ranges::sort(plan.parts, [](const BlockPart& a, const BlockPart& b) {
    return std::tie(a.key, a.into) < std::tie(b.key, b.into);
  });
  return plan;
}

}  // namespace headrace::block
