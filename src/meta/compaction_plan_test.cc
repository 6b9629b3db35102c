// SPDX-License-Identifier: Apache-2.0
#include "meta/compaction_plan.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "meta/overlay.h"

namespace headrace::meta {
namespace {

using records::Slice;
using records::SliceList;

constexpr std::uint32_t kMiB = 1 << 20;

Slice hole(std::uint32_t pos, std::uint32_t len) { return {pos, SliceId{0}, 0, 0, len}; }
Slice slice(std::uint64_t id, std::uint32_t pos, std::uint32_t len) { return {pos, SliceId{id}, len, 0, len}; }

std::optional<CompactionPlan> plan(const SliceList& list) {
  return make_compaction_plan(Ino{5}, ChunkIndex{2}, list).value();
}

TEST(CompactionPlan, SmallReferencesBecomeOneSlice) {
  const SliceList list{slice(1, 100, 50), slice(2, 150, 50), slice(3, 120, 10)};
  const auto made = plan(list);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->replaced, list);
  EXPECT_EQ(made->skipped, 0u);
  EXPECT_EQ(made->pos, 100u);
  EXPECT_EQ(made->size, 100u);
  const std::uint64_t start = 2 * kChunkBytes;
  EXPECT_EQ(made->extents, (ExtentList{{start + 100, 20, SliceId{1}, 50, 0},
                                       {start + 120, 10, SliceId{3}, 10, 0},
                                       {start + 130, 20, SliceId{1}, 50, 30},
                                       {start + 150, 50, SliceId{2}, 50, 0}}));
}

TEST(CompactionPlan, HolesAtTheEndsAreDroppedAndThoseInsideAreKept) {
  const auto made = plan({hole(0, 1000), slice(1, 100, 10), slice(2, 200, 10), hole(205, 100)});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->pos, 100u);
  EXPECT_EQ(made->size, 105u);
  EXPECT_TRUE(made->extents[1].is_hole());
}

TEST(CompactionPlan, NothingButZerosBecomesOneByte) {
  const auto made = plan({slice(1, 100, 10), hole(0, 1000)});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->pos, 0u);
  EXPECT_EQ(made->size, 1u);
  ASSERT_EQ(made->extents.size(), 1u);
  EXPECT_TRUE(made->extents.front().is_hole());
}

TEST(CompactionPlan, TheByteOfZerosDoesNotHideWhatStaysInFront) {
  const auto made = plan({slice(1, 0, 2 * kMiB), hole(3 * kMiB, 100), hole(3 * kMiB + 50, 100)});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->skipped, 1u);
  EXPECT_EQ(made->pos, 3 * kMiB + 50);
  EXPECT_EQ(made->size, 1u);
}

TEST(CompactionPlan, FewerThanTwoAreLeftAlone) {
  EXPECT_FALSE(plan({}));
  EXPECT_FALSE(plan({slice(1, 0, 100)}));
}

TEST(CompactionPlan, ABigReferenceInFrontStaysWhereItIs) {
  const SliceList list{slice(1, 0, 2 * kMiB), slice(2, 2 * kMiB, 100), slice(3, 2 * kMiB + 100, 100)};
  const auto made = plan(list);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->skipped, 1u);
  EXPECT_EQ(made->replaced, list) << "the front of the list is compared, with what stays";
  EXPECT_EQ(made->pos, 2 * kMiB);
  EXPECT_EQ(made->size, 200u);
}

TEST(CompactionPlan, ABigReferenceIsCopiedWhenItDoesNotShowWholeOrIsSmallBesideTheRest) {
  EXPECT_EQ(plan({slice(1, 0, 2 * kMiB), slice(2, 100, 10), slice(3, 0, 10)})->skipped, 0u);
  EXPECT_EQ(plan({slice(1, 0, kMiB), slice(2, kMiB, 10 * kMiB), slice(3, 11 * kMiB, 10)})->skipped, 0u);
  EXPECT_EQ(plan({slice(1, 0, kMiB), slice(2, kMiB, 10), slice(1, 0, kMiB)})->skipped, 0u)
      << "it comes again further on";
}

TEST(CompactionPlan, WhenAllButOneStayThereIsNothingToDo) {
  EXPECT_FALSE(plan({slice(1, 0, 2 * kMiB), slice(2, 2 * kMiB, 2 * kMiB)}));
}

TEST(CompactionPlan, AtMostAThousandAreReplacedAtOnce) {
  SliceList list;
  for (std::uint32_t i = 0; i < 1500; ++i) list.push_back(slice(i + 1, i * 10, 10));
  EXPECT_EQ(plan(list)->replaced.size(), 1000u);
}

TEST(CompactionPlan, DamageIsNotCompacted) {
  EXPECT_EQ(make_compaction_plan(Ino{5}, ChunkIndex{0}, {slice(1, 0, 5), {0, SliceId{2}, 5, 3, 5}}).code(),
            Code::kDamaged);
}

TEST(CompactionPlan, WhatShowsStaysTheSame) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 300; ++round) {
    SliceList list;
    const std::uint64_t references = 2 + rng.below(20);
    for (std::uint64_t i = 0; i < references; ++i) {
      const auto pos = static_cast<std::uint32_t>(rng.below(20)) * kMiB / 4,
                 len = static_cast<std::uint32_t>(1 + rng.below(12)) * kMiB / 4;
      list.push_back(rng.below(5) == 0 ? hole(pos, len) : slice(i + 1, pos, len));
    }
    const auto made = make_compaction_plan(Ino{5}, ChunkIndex{0}, list);
    ASSERT_TRUE(made);
    if (!*made) continue;
    // The list as it will be, and in it the new slice's bytes as what they are copies of.
    SliceList after((*made)->replaced.begin(),
                    (*made)->replaced.begin() + static_cast<std::ptrdiff_t>((*made)->skipped));
    for (const Extent& extent : (*made)->extents) {
      after.push_back({static_cast<std::uint32_t>(extent.offset), extent.slice, extent.slice_size, extent.slice_offset,
                       static_cast<std::uint32_t>(extent.length)});
    }
    const auto wanted = chunk_extents(list, ChunkIndex{0}, kChunkBytes),
               got = chunk_extents(after, ChunkIndex{0}, kChunkBytes);
    ASSERT_EQ(*wanted, *got) << "round " << round;
  }
}

}  // namespace
}  // namespace headrace::meta
