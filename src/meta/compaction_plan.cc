// SPDX-License-Identifier: Apache-2.0
// Big references in front stay where they are; the rest becomes one slice.
#include "meta/compaction_plan.h"

#include <algorithm>

#include "meta/overlay.h"

namespace headrace::meta {
namespace {

using records::Slice;
using records::SliceList;

constexpr std::size_t kReplacedMax = 1000;
constexpr std::uint32_t kBigBytes = 1 << 20;

// What one slice in place of these references has to hold.
struct Content {
  SliceList pieces;  // without holes at either end, except when all is one hole
  std::uint32_t size = 0;
};

Result<Content> content_of(std::span<const Slice> references) {
  Content content;
  TRY(content.pieces, visible_pieces(references));
  SliceList& pieces = content.pieces;
  const auto is_data = [](const Slice& piece) { return piece.id != SliceId{0}; };
  const auto first = std::ranges::find_if(pieces, is_data);
  if (first == pieces.end()) {
    // Only zeros: a byte of them, for a slice cannot be empty. The last piece is a hole record's; the first may be a
    // gap, through which references that stay in front show.
    if (pieces.empty()) return content;
    pieces = {pieces.back()};
    pieces.front().len = 1;
  } else {
    pieces.erase(pieces.begin(), first);
    while (!is_data(pieces.back())) pieces.pop_back();
  }
  for (const Slice& piece : pieces) content.size += piece.len;
  return content;
}

// The first reference shows whole, is big, and makes up much of what there is: copying it again costs more than it
// saves.
bool is_better_left(std::span<const Slice> references, const Content& content) {
  const Slice& first = references.front();
  if (first.len < kBigBytes || std::uint64_t{first.len} * 5 < content.size || content.pieces.empty()) return false;
  const Slice& shown = content.pieces.front();
  if (shown.pos != first.pos || shown.id != first.id || shown.off != first.off || shown.len != first.len) return false;
  return std::ranges::count(references.subspan(1), first) == 0;
}

ExtentList file_extents(const SliceList& pieces, ChunkIndex chunk) {
  ExtentList extents;
  for (const Slice& piece : pieces)
    extents.push_back({start_of(chunk) + piece.pos, piece.len, piece.id, piece.size, piece.off});
  return extents;
}

}  // namespace

Result<std::optional<CompactionPlan>> make_compaction_plan(Ino ino, ChunkIndex chunk, const SliceList& list) {
  CompactionPlan plan{ino, chunk, {}, 0, 0, 0, {}};
  plan.replaced.assign(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(std::min(list.size(), kReplacedMax)));
  std::span<const Slice> rest(plan.replaced);
  while (rest.size() >= 2) {
    TRY(const Content content, content_of(rest));
    if (content.size == 0) break;
    if (!is_better_left(rest, content)) {
      plan.pos = content.pieces.front().pos;
      plan.size = content.size;
      plan.extents = file_extents(content.pieces, chunk);
      return std::optional<CompactionPlan>(std::move(plan));
    }
    ++plan.skipped;
    rest = rest.subspan(1);
  }
  return std::optional<CompactionPlan>();
}

}  // namespace headrace::meta
