// SPDX-License-Identifier: Apache-2.0
// copy_range: one file shows another's slices too, so that no byte is moved. Every piece that shows is one more
// reference.
#include <algorithm>
#include <map>

#include "meta/compaction_plan.h"
#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/permission.h"
#include "meta/overlay.h"

namespace headrace::meta::ops {
namespace {

// A call copies fewer bytes than asked rather than grow without bound.
constexpr std::size_t kPiecesMax = 4000;
constexpr std::uint64_t kChunksMax = 1024;

struct Pieces {
  ExtentList extents;  // in offsets of the destination
  std::uint64_t bytes = 0;
};

// What shows between `ends.in_offset` and `length` bytes on, until there are too many pieces.
Result<Pieces> visible_pieces(RecordTxn& txn, const CopyEnds& ends, const Attr& in, std::uint64_t length) {
  Pieces pieces;
  while (pieces.bytes < length && pieces.extents.size() < kPiecesMax) {
    const std::uint64_t at = ends.in_offset + pieces.bytes;
    const ChunkIndex chunk = chunk_of(at);
    TRY(const std::optional<SliceList> list, get(txn, SlicesKey{ends.in, chunk}));
    TRY(const ExtentList extents, chunk_extents(list.value_or(SliceList{}), chunk, in.length));
    for (Extent extent : clip(extents, at, ends.in_offset + length)) {
      pieces.bytes += extent.length;
      extent.offset = extent.offset - ends.in_offset + ends.out_offset;
      pieces.extents.push_back(extent);
    }
  }
  return pieces;
}

using Lists = std::map<ChunkIndex, SliceList>;

// Pieces become references, cut at the destination's chunks.
Lists references_of(const ExtentList& extents) {
  Lists lists;
  for (Extent extent : extents) {
    while (extent.length > 0) {
      const ChunkIndex chunk = chunk_of(extent.offset);
      const std::uint64_t here = std::min(extent.length, start_of(chunk) + kChunkBytes - extent.offset);
      lists[chunk].push_back({offset_in_chunk(extent.offset), extent.slice, extent.slice_size, extent.slice_offset,
                              static_cast<std::uint32_t>(here)});
      extent.offset += here;
      extent.length -= here;
      if (!extent.is_hole()) extent.slice_offset += static_cast<std::uint32_t>(here);
    }
  }
  return lists;
}

Result<void> append_references(RecordTxn& txn, Ino out, const Lists& lists) {
  for (const auto& [chunk, references] : lists) {
    const SlicesKey key{out, chunk};
    TRY(const std::optional<SliceList> present, get(txn, key));
    if (present.value_or(SliceList{}).size() + references.size() > kSliceListMax) {
      return Error(Code::kNotSupported, "the destination is in too many pieces to share more; copy the bytes");
    }
    txn.append(key, references);
    for (const Slice& reference : references) {
      if (reference.id != SliceId{0}) add(txn, SliceRefKey{reference.id, reference.size}, 1);
    }
  }
  return {};
}

}  // namespace

Result<CopyResult> copy_range(RecordTxn& txn, const OpContext& context, const CopyEnds& ends) {
  TRY(const Attr in, load_regular_file(txn, ends.in));
  TRY(Attr out, load_regular_file(txn, ends.out));
  TRY_OK(check_not_in_trash(context, ends.out, out));
  if ((out.flags & (kFlagImmutable | kFlagAppend)) != 0) return Code::kNotPermitted;
  std::uint64_t length = ends.in_offset >= in.length ? 0 : std::min(ends.length, in.length - ends.in_offset);
  length = std::min(length, kChunksMax * kChunkBytes);
  if (length == 0) return CopyResult{0, out};
  if (ends.out_offset > kFileBytesMax || length > kFileBytesMax - ends.out_offset) return Code::kFileTooBig;
  if (ends.in == ends.out && ends.in_offset < ends.out_offset + length && ends.out_offset < ends.in_offset + length)
    return Code::kInvalid;

  TRY(const Pieces pieces, visible_pieces(txn, ends, in, length));
  TRY_OK(append_references(txn, ends.out, references_of(pieces.extents)));
  const std::uint64_t end = std::max(out.length, ends.out_offset + pieces.bytes);
  TRY_OK(account_length(txn, context, ends.out, out, out.length, end));
  out.length = end;
  out.mtime = out.ctime = context.now;
  put(txn, InodeKey{ends.out}, out);
  return CopyResult{pieces.bytes, out};
}

}  // namespace headrace::meta::ops
