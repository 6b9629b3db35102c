// SPDX-License-Identifier: Apache-2.0
#include "meta/overlay.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"

namespace headrace::meta {
namespace {

using records::Slice;
using records::SliceList;

constexpr std::uint32_t kChunk = static_cast<std::uint32_t>(kChunkBytes);

Slice hole(std::uint32_t pos, std::uint32_t len) { return {pos, SliceId{0}, 0, 0, len}; }
Slice slice(std::uint64_t id, std::uint32_t pos, std::uint32_t len) { return {pos, SliceId{id}, len, 0, len}; }

TEST(Overlay, TheLastReferenceWins) {
  const SliceList list{slice(1, 0, 100), slice(2, 50, 100), slice(3, 60, 10)};
  EXPECT_EQ(visible_pieces(list).value(), (SliceList{{0, SliceId{1}, 100, 0, 50},
                                                     {50, SliceId{2}, 100, 0, 10},
                                                     {60, SliceId{3}, 10, 0, 10},
                                                     {70, SliceId{2}, 100, 20, 80}}));
}

TEST(Overlay, GapsAndHolesAreZerosInsideAndNothingAtTheEnd) {
  EXPECT_EQ(visible_pieces(SliceList{slice(1, 10, 5), slice(2, 20, 5), hole(22, 1)}).value(),
            (SliceList{hole(0, 10),
                       {10, SliceId{1}, 5, 0, 5},
                       hole(15, 5),
                       {20, SliceId{2}, 5, 0, 2},
                       hole(22, 1),
                       {23, SliceId{2}, 5, 3, 2}}));
  EXPECT_TRUE(visible_pieces(SliceList{})->empty());
}

TEST(Overlay, AHolesOwnNumbersMeanNothing) {
  EXPECT_EQ(visible_pieces(SliceList{{0, SliceId{0}, 7, 0xFFFFFFFF, 9}}).value(), (SliceList{hole(0, 9)}));
}

TEST(Overlay, ReferencesThatCannotBeAreDamage) {
  EXPECT_EQ(visible_pieces(SliceList{slice(1, kChunk, 1)}).code(), Code::kDamaged);
  EXPECT_EQ(visible_pieces(SliceList{{0xFFFFFFFF, SliceId{0}, 0, 0, 0xFFFFFFFF}}).code(), Code::kDamaged);
  EXPECT_EQ(visible_pieces(SliceList{{0, SliceId{1}, 10, 0xFFFFFFFF, 2}}).code(), Code::kDamaged);
  EXPECT_EQ(visible_pieces(SliceList{{0, SliceId{1}, 10, 5, 6}, slice(2, 0, 100)}).code(), Code::kDamaged)
      << "also where it is hidden";
}

TEST(Overlay, ExtentsEndWithTheFileAndHolesThatTouchAreOne) {
  const SliceList list{slice(1, 0, 100), hole(100, 50), slice(2, 200, 100)};
  const std::uint64_t start = kChunkBytes * 3;
  EXPECT_EQ(chunk_extents(list, ChunkIndex{3}, start + 250).value(),
            (ExtentList{{start, 100, SliceId{1}, 100, 0},
                        {start + 100, 100, SliceId{0}, 0, 0},
                        {start + 200, 50, SliceId{2}, 100, 0}}));
  EXPECT_EQ(chunk_extents(list, ChunkIndex{3}, start + 10'000)->back(), (Extent{start + 300, 9700, SliceId{0}, 0, 0}));
  EXPECT_EQ(chunk_extents(list, ChunkIndex{3}, kFileBytesMax)->back().end(), start + kChunkBytes);
  EXPECT_TRUE(chunk_extents(list, ChunkIndex{3}, start)->empty());
  EXPECT_TRUE(chunk_extents(list, ChunkIndex{3}, 5)->empty());
}

TEST(Overlay, AClipCutsBothEnds) {
  const ExtentList extents{{0, 100, SliceId{1}, 100, 0}, {100, 100, SliceId{0}, 0, 0}, {200, 100, SliceId{2}, 500, 50}};
  EXPECT_EQ(clip(extents, 30, 250),
            (ExtentList{{30, 70, SliceId{1}, 100, 30}, {100, 100, SliceId{0}, 0, 0}, {200, 50, SliceId{2}, 500, 50}}));
  EXPECT_EQ(clip(extents, 120, 130), (ExtentList{{120, 10, SliceId{0}, 0, 0}}));
  EXPECT_EQ(clip(extents, 250, 260), (ExtentList{{250, 10, SliceId{2}, 500, 100}}));
  EXPECT_TRUE(clip(extents, 300, 400).empty());
}

// Where a byte comes from: a slice and a place in it.
struct Source {
  std::uint64_t id = 0;
  std::uint32_t at = 0;
  friend bool operator==(const Source&, const Source&) = default;
};

TEST(Overlay, AnyListShowsWhatAByteArrayWould) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  constexpr std::uint32_t kBytes = 300;
  for (int round = 0; round < 500; ++round) {
    SliceList list;
    std::vector<Source> bytes(kBytes);
    const std::uint64_t references = rng.below(30);
    for (std::uint64_t i = 0; i < references; ++i) {
      const auto pos = static_cast<std::uint32_t>(rng.below(kBytes)),
                 len = static_cast<std::uint32_t>(rng.below(kBytes - pos + 1));
      const auto off = static_cast<std::uint32_t>(rng.below(50));
      const bool is_hole = rng.below(4) == 0;
      list.push_back({pos, SliceId{is_hole ? 0 : i + 1}, off + len + 3, off, len});
      for (std::uint32_t at = 0; at < len; ++at) bytes[pos + at] = is_hole ? Source{} : Source{i + 1, off + at};
    }
    const std::uint64_t length = rng.below(kBytes + 1);
    const auto extents = chunk_extents(list, ChunkIndex{0}, length);
    ASSERT_TRUE(extents);
    std::vector<Source> shown;
    for (const Extent& extent : *extents) {
      ASSERT_EQ(extent.offset, shown.size());
      ASSERT_GT(extent.length, 0u);
      for (std::uint32_t at = 0; at < extent.length; ++at) {
        shown.push_back(extent.is_hole() ? Source{} : Source{extent.slice.value(), extent.slice_offset + at});
      }
    }
    bytes.resize(length);
    ASSERT_TRUE(shown == bytes) << "round " << round;
  }
}

}  // namespace
}  // namespace headrace::meta
