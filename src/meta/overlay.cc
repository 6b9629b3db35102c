// SPDX-License-Identifier: Apache-2.0
// Newest first: each reference shows in what is still uncovered, and covers it.
#include "meta/overlay.h"

#include <algorithm>
#include <string>

namespace headrace::meta {
namespace {

using records::Slice;
using records::SliceList;

struct Stretch {
  std::uint32_t begin = 0, end = 0;
};

Result<void> check(const Slice& slice) {
  if (std::uint64_t{slice.pos} + slice.len > kChunkBytes)
    return Error(Code::kDamaged, "a slice reference reaches beyond its chunk");
  if (slice.id != SliceId{0} && std::uint64_t{slice.off} + slice.len > slice.size) {
    return Error(Code::kDamaged, "a reference shows more than slice " + std::to_string(slice.id.value()) + " has");
  }
  return {};
}

// The part of `slice` in `where`.
Slice part_of(const Slice& slice, Stretch where) {
  if (slice.id == SliceId{0}) return {where.begin, SliceId{0}, 0, 0, where.end - where.begin};
  return {where.begin, slice.id, slice.size, slice.off + (where.begin - slice.pos), where.end - where.begin};
}

// Puts what shows of `slice` into `pieces` and takes it out of `uncovered`, which is sorted.
void cover(std::vector<Stretch>& uncovered, const Slice& slice, SliceList& pieces) {
  const std::uint32_t begin = slice.pos, end = slice.pos + slice.len;
  const auto first = std::ranges::partition_point(uncovered, [&](const Stretch& s) { return s.end <= begin; });
  auto last = first;
  Stretch rest[2];
  std::size_t rests = 0;
  for (; last != uncovered.end() && last->begin < end; ++last) {
    pieces.push_back(part_of(slice, {std::max(last->begin, begin), std::min(last->end, end)}));
    if (last->begin < begin) rest[rests++] = {last->begin, begin};
    if (last->end > end) rest[rests++] = {end, last->end};
  }
  const auto at = uncovered.erase(first, last);
  uncovered.insert(at, rest, rest + rests);
}

void append_merged(ExtentList& extents, const Extent& extent) {
  if (extent.length == 0) return;
  if (!extents.empty() && extents.back().is_hole() && extent.is_hole()) {
    extents.back().length += extent.length;
  } else {
    extents.push_back(extent);
  }
}

}  // namespace

Result<SliceList> visible_pieces(std::span<const Slice> list) {
  std::uint32_t end = 0;
  for (const Slice& slice : list) {
    TRY_OK(check(slice));
    if (slice.len > 0) end = std::max(end, slice.pos + slice.len);
  }
  SliceList pieces;
  std::vector<Stretch> uncovered;
  if (end > 0) uncovered.push_back({0, end});
  for (auto slice = list.rbegin(); slice != list.rend() && !uncovered.empty(); ++slice) {
    if (slice->len > 0) cover(uncovered, *slice, pieces);
  }
  for (const Stretch& gap : uncovered) pieces.push_back({gap.begin, SliceId{0}, 0, 0, gap.end - gap.begin});
  std::ranges::sort(pieces, {}, &Slice::pos);
  return pieces;
}

Result<ExtentList> chunk_extents(std::span<const Slice> list, ChunkIndex chunk, std::uint64_t file_length) {
  TRY(const SliceList pieces, visible_pieces(list));
  const std::uint64_t start = start_of(chunk);
  const std::uint64_t end = std::min(start + kChunkBytes, std::max(file_length, start));
  ExtentList extents;
  extents.reserve(pieces.size() + 1);
  std::uint64_t covered = start;
  for (const Slice& piece : pieces) {
    const std::uint64_t at = start + piece.pos;
    if (at >= end) break;
    const std::uint64_t length = std::min<std::uint64_t>(piece.len, end - at);
    append_merged(extents, {at, length, piece.id, piece.size, piece.off});
    covered = at + length;
  }
  append_merged(extents, {covered, end - covered, SliceId{0}, 0, 0});
  return extents;
}

ExtentList clip(const ExtentList& extents, std::uint64_t from, std::uint64_t to) {
  ExtentList clipped;
  for (Extent extent : extents) {
    if (extent.end() <= from || extent.offset >= to) continue;
    if (extent.offset < from) {
      const std::uint64_t cut = from - extent.offset;
      extent.offset = from;
      extent.length -= cut;
      if (!extent.is_hole()) extent.slice_offset += static_cast<std::uint32_t>(cut);
    }
    extent.length = std::min(extent.length, to - extent.offset);
    clipped.push_back(extent);
  }
  return clipped;
}

}  // namespace headrace::meta
