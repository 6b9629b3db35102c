// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "block/read_plan.h"

#include <gtest/gtest.h>

#include "object/testing/test_seed.h"

namespace headrace::block {
namespace {

constexpr Layout kLayout{100, false};  // bytes a block
constexpr SliceId kOne{1}, kTwo{2};

TEST(ReadPlan, AReadOverABlocksEndHasTwoParts) {
  const Extent extent{1000, 250, kOne, 250, 0};
  const ReadPlan plan = plan_read(kLayout, std::span(&extent, 1), 1090, 20).value();
  EXPECT_EQ(plan.parts, (std::vector<BlockPart>{{{kOne, 0, 100}, 90, 10, 0}, {{kOne, 1, 100}, 0, 10, 10}}));
  EXPECT_TRUE(plan.zeros.empty());
}

TEST(ReadPlan, TheLastBlockIsAsShortAsItsSlice) {
  const Extent extent{0, 250, kOne, 250, 0};
  const ReadPlan plan = plan_read(kLayout, std::span(&extent, 1), 200, 50).value();
  EXPECT_EQ(plan.parts, (std::vector<BlockPart>{{{kOne, 2, 50}, 0, 50, 0}}));
  EXPECT_TRUE(plan.parts[0].is_whole());
}

TEST(ReadPlan, HolesAreZeros) {
  const ExtentList extents = {{0, 50, kOne, 100, 50}, {50, 100, {}, 0, 0}, {150, 50, kTwo, 50, 0}};
  const ReadPlan plan = plan_read(kLayout, extents, 10, 180).value();
  EXPECT_EQ(plan.parts, (std::vector<BlockPart>{{{kOne, 0, 100}, 60, 40, 0}, {{kTwo, 0, 50}, 0, 40, 140}}));
  EXPECT_EQ(plan.zeros, (std::vector<ZeroPart>{{40, 100}}));
}

TEST(ReadPlan, PartsOfOneBlockStandTogether) {
  // A write in the middle of an older one.
  const ExtentList extents = {{0, 30, kOne, 100, 0}, {30, 40, kTwo, 40, 0}, {70, 30, kOne, 100, 70}};
  const ReadPlan plan = plan_read(kLayout, extents, 0, 100).value();
  EXPECT_EQ(plan.parts, (std::vector<BlockPart>{
                            {{kOne, 0, 100}, 0, 30, 0}, {{kOne, 0, 100}, 70, 30, 70}, {{kTwo, 0, 40}, 0, 40, 30}}));
}

TEST(ReadPlan, AGapIsRefused) {
  const ExtentList extents = {{0, 50, kOne, 50, 0}, {60, 50, kTwo, 50, 0}};
  EXPECT_EQ(plan_read(kLayout, extents, 0, 100).error().code, Code::kInvalid);
  EXPECT_EQ(plan_read(kLayout, extents, 100, 50).error().code, Code::kInvalid) << "beyond the end";
  EXPECT_EQ(plan_read(kLayout, {}, 0, 1).error().code, Code::kInvalid);
  EXPECT_TRUE(plan_read(kLayout, extents, 60, 50));
  EXPECT_TRUE(plan_read(kLayout, {}, 0, 0));
}

TEST(ReadPlan, AnExtentOutsideItsSliceIsDamage) {
  for (const Extent& extent : {Extent{0, 51, kOne, 50, 0}, Extent{0, 1, kOne, 50, 50},
                               Extent{0, 10, kOne, 50, 0xFFFFFFFF}, Extent{0, 1ull << 40, kOne, 50, 0}}) {
    EXPECT_EQ(plan_read(kLayout, std::span(&extent, 1), 0, extent.length).error().code, Code::kDamaged);
  }
}

TEST(ReadPlan, EveryByteComesFromWhereItsExtentSays) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  for (int round = 0; round < 200; ++round) {
    ExtentList extents;
    std::uint64_t at = rng.below(1000);
    const std::uint64_t start = at;
    while (extents.size() < 1 + rng.below(8)) {
      Extent extent{at, 1 + rng.below(500), SliceId{rng.below(4)}, 0, static_cast<std::uint32_t>(rng.below(300))};
      if (extent.is_hole()) extent.slice_offset = 0;
      if (!extent.is_hole())
        extent.slice_size = static_cast<std::uint32_t>(extent.slice_offset + extent.length + rng.below(200));
      at = extent.end();
      extents.push_back(extent);
    }
    const std::uint64_t from = start + rng.below(at - start), length = rng.below(at - from + 1);
    const ReadPlan plan = plan_read(kLayout, extents, from, length).value();
    std::vector<std::pair<std::uint64_t, std::uint64_t>> sources(length,
                                                                 {99, 0});  // slice and position; a hole is (0, 0)
    for (const ZeroPart& zero : plan.zeros)
      std::fill_n(sources.begin() + static_cast<std::ptrdiff_t>(zero.into), zero.length, std::pair{0ull, 0ull});
    for (const BlockPart& part : plan.parts) {
      ASSERT_LE(part.offset + part.length, part.key.size);
      for (std::uint32_t i = 0; i < part.length; ++i)
        sources[part.into + i] = {part.key.slice.value(), part.key.index * 100ull + part.offset + i};
    }
    for (const Extent& extent : extents) {
      for (std::uint64_t i = std::max(from, extent.offset); i < std::min(from + length, extent.end()); ++i) {
        const auto expected =
            extent.is_hole() ? std::pair{0ull, 0ull}
                             : std::pair{0ull + extent.slice.value(), 0ull + extent.slice_offset + i - extent.offset};
        ASSERT_EQ(sources[i - from], (std::pair<std::uint64_t, std::uint64_t>(expected))) << "byte " << i;
      }
    }
  }
}

}  // namespace
}  // namespace headrace::block
