// SPDX-License-Identifier: Apache-2.0
#include "block/block_store.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "block/fan_out.h"
#include "block/testing/block_fixture.h"

namespace headrace::block {
namespace {

using object::FaultKind;
using object::Method;
using std::chrono::milliseconds;
using std::chrono::seconds;

class BlockStoreTest : public BlockStoreFixture {};

TEST_F(BlockStoreTest, ExtentsOfSlicesAndHolesReadAsTheirBytes) {
  const Extent one = make_slice(1, 5 * kTestBlock / 2), two = make_slice(2, 1000, one.end() + 500);
  const ExtentList extents = {one, {one.end(), 500, {}, 0, 0}, two};
  const std::string whole = content(1, one.length) + std::string(500, '\0') + content(2, 1000);
  EXPECT_EQ(read(extents, 0, whole.size()).value(), whole);
  open({});
  EXPECT_EQ(read(extents, kTestBlock - 3, 6).value(), whole.substr(kTestBlock - 3, 6)) << "over a block's end";
  EXPECT_EQ(read(extents, one.end() - 10, 520).value(), whole.substr(one.end() - 10, 520));
  EXPECT_EQ(read(extents, 7, 0).value(), "");
}

TEST_F(BlockStoreTest, ABlockThatWasReadIsNotFetchedAgain) {
  const Extent extent = make_slice(1, kTestBlock);
  EXPECT_EQ(read(extent, 0, kTestBlock).value(), content(1, kTestBlock));
  EXPECT_EQ(read(extent, 5000, 100).value(), content(1, kTestBlock).substr(5000, 100));
  EXPECT_EQ(gets(), 1u);
  EXPECT_EQ(blocks_->stats().hits, 1u);
  EXPECT_EQ(blocks_->stats().hit_bytes, 100u);
  EXPECT_EQ(blocks_->stats().fetch_bytes, kTestBlock);
  EXPECT_EQ(tier_->stats().hits, 1u);
  EXPECT_EQ(tier_->stats().misses, 1u);
}

TEST_F(BlockStoreTest, ASmallReadOfALargeBlockFetchesItsRangeAndTheNextOneTheBlock) {
  const Extent extent = make_slice(1, kTestBlock);
  EXPECT_EQ(read(extent, 5000, 100).value(), content(1, kTestBlock).substr(5000, 100));
  EXPECT_EQ(blocks_->stats().fetch_bytes, 100u);
  EXPECT_EQ(read(extent, 9000, 100).value(), content(1, kTestBlock).substr(9000, 100));
  EXPECT_EQ(blocks_->stats().fetch_bytes, 100u + kTestBlock);
  EXPECT_TRUE(read(extent, 0, 100));
  EXPECT_EQ(gets(), 2u);
}

TEST_F(BlockStoreTest, WithoutACacheRangesAreFetchedEachTime) {
  const Extent extent = make_slice(1, kTestBlock);
  for (const Setup& setup : {Setup{.cache_blocks = false}, Setup{.tier_bytes = 0}}) {
    open(setup);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read(extent, 5000, 100).value(), content(1, kTestBlock).substr(5000, 100));
    EXPECT_EQ(blocks_->stats().fetch_bytes, 300u);
    EXPECT_EQ(read(extent, 0, kTestBlock).value(), content(1, kTestBlock));
    EXPECT_EQ(read(extent, 0, kTestBlock).value(), content(1, kTestBlock));
    EXPECT_EQ(blocks_->stats().fetches, 5u);
    EXPECT_EQ(tier_->stats().blocks, 0u);
  }
}

TEST_F(BlockStoreTest, ManyReadersOfOneBlockCauseOneFetch) {
  const Extent extent = make_slice(1, kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 8; ++i)
      readers.emplace_back([&] { EXPECT_EQ(read(extent, 0, kTestBlock).value(), content(1, kTestBlock)); });
    wait_until([&] { return blocks_->stats().fetches_shared == 7; });
    faulty_.end(hold);
  }
  EXPECT_EQ(gets(), 1u);
}

TEST_F(BlockStoreTest, ALeadersFailureIsHandedToThoseWhoWait) {
  const Extent extent = make_slice(1, kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  const auto fail = faulty_.add({.method = Method::kGet, .code = Code::kTransient});
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 4; ++i)
      readers.emplace_back([&] { EXPECT_EQ(read(extent, 0, kTestBlock).error().code, Code::kTransient); });
    wait_until([&] { return blocks_->stats().fetches_shared == 3; });
    faulty_.end(hold);
  }
  EXPECT_EQ(faulty_.fired(fail), 1u) << "one request for four readers";
  faulty_.end(fail);
  EXPECT_TRUE(read(extent, 0, kTestBlock)) << "the failure is not remembered";
}

TEST_F(BlockStoreTest, WhenALeaderGivesUpAnotherReaderLeads) {
  const Extent extent = make_slice(1, kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet, .times = 1});
  std::stop_source stop;
  std::jthread leader([&] {
    EXPECT_EQ(read(extent, 0, kTestBlock, Scope{Moment::max(), stop.get_token()}).error().code, Code::kInterrupted);
  });
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  std::jthread follower([&] { EXPECT_EQ(read(extent, 0, kTestBlock).value(), content(1, kTestBlock)); });
  wait_until([&] { return blocks_->stats().fetches_shared == 1; });
  stop.request_stop();
  leader.join();
  follower.join();
  EXPECT_EQ(gets(), 2u);
  faulty_.end(hold);
}

TEST_F(BlockStoreTest, AReaderThatGivesUpLeavesAtOnceAndTheFetchGoesOnForTheOthers) {
  const Extent extent = make_slice(1, kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  std::jthread leader([&] { EXPECT_EQ(read(extent, 0, kTestBlock).value(), content(1, kTestBlock)); });
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  std::string memory(kTestBlock, 'p');
  EXPECT_EQ(blocks_->read(within(milliseconds(10)), std::span(&extent, 1), 0, std::as_writable_bytes(std::span(memory)))
                .error()
                .code,
            Code::kTimedOut);
  std::fill(memory.begin(), memory.end(), 'q');
  faulty_.end(hold);
  leader.join();
  EXPECT_EQ(memory, std::string(kTestBlock, 'q')) << "a late answer came into memory that is used for something else";
  EXPECT_EQ(gets(), 1u);
}

TEST_F(BlockStoreTest, ALateAnswerNeverComesIntoMemoryThatItsReaderHasLeft) {
  open({.is_stubborn = true});
  const Extent extent = make_slice(1, 3 * kTestBlock);
  // The first block's fetch is the reader's own; the others are on other threads and cannot be stopped.
  const auto hold_second = faulty_.add({.kind = FaultKind::kHold, .key_contains = "1_1_"});
  const auto hold_third = faulty_.add({.kind = FaultKind::kHold, .key_contains = "1_2_"});
  std::string memory(3 * kTestBlock, 'p');
  std::stop_source stop;
  std::jthread reader([&] {
    const Scope scope{Moment::max(), stop.get_token()};
    EXPECT_EQ(blocks_->read(scope, std::span(&extent, 1), 0, std::as_writable_bytes(std::span(memory))).error().code,
              Code::kInterrupted);
  });
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 2));
  stop.request_stop();
  reader.join();
  ASSERT_EQ(faulty_.held(), 2u) << "both answers are still to come";
  std::fill(memory.begin(), memory.end(), 'q');
  faulty_.end(hold_third);
  faulty_.end(hold_second);
  ASSERT_TRUE(blocks_->close(within(seconds(60))));
  EXPECT_EQ(memory, std::string(3 * kTestBlock, 'q'));
  EXPECT_EQ(gets(), 3u);
}

TEST_F(BlockStoreTest, BlocksOfOneReadAreFetchedSideBySide) {
  const Extent extent = make_slice(1, 12 * kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  std::jthread reader([&] { EXPECT_EQ(read(extent, 0, 12 * kTestBlock).value(), content(1, 12 * kTestBlock)); });
  EXPECT_TRUE(faulty_.wait_for_held(within(seconds(60)), 12));
  faulty_.end(hold);
}

TEST_F(BlockStoreTest, NoMoreFetchesRunThanAllowed) {
  open({.downloads_max = 3});
  const Extent extent = make_slice(1, 12 * kTestBlock);
  faulty_.add({.kind = FaultKind::kDelay, .method = Method::kGet, .delay = milliseconds(2)});
  EXPECT_EQ(read(extent, 0, 12 * kTestBlock).value(), content(1, 12 * kTestBlock));
  EXPECT_LE(faulty_.most_at_once(Method::kGet), 4u) << "three, and the reader's own";
}

TEST_F(BlockStoreTest, ALargeReadNeedsNoMoreMemoryThanThereIs) {
  open({.budget_bytes = 2 * kTestBlock});
  const Extent extent = make_slice(1, 20 * kTestBlock);
  EXPECT_EQ(read(extent, 0, 20 * kTestBlock, within(seconds(60))).value(), content(1, 20 * kTestBlock));
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

TEST_F(BlockStoreTest, TheFirstFailureEndsAReadOfManyBlocks) {
  open({.is_stubborn = true});
  const Extent extent = make_slice(1, 3 * kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .key_contains = "1_1_"});
  const auto fail = faulty_.add({.key_contains = "1_2_", .code = Code::kUnauthorized});
  EXPECT_EQ(read(extent, 0, 3 * kTestBlock).error().code, Code::kUnauthorized)
      << "it does not wait for the one that hangs";
  EXPECT_EQ(faulty_.fired(fail), 1u);
  faulty_.end(hold);
}

TEST_F(BlockStoreTest, AMissingBlockIsNotFoundByName) {
  Extent extent = make_slice(1, kTestBlock);
  ASSERT_TRUE(memory_.remove(Scope{}, std::vector<std::string>{"chunks/0/0/1_0_1048576"}));
  const auto got = read(extent, 0, 10);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.code(), Code::kNotFound);
  EXPECT_NE(got.error().text().find("chunks/0/0/1_0_1048576"), std::string::npos) << got.error().text();
}

TEST_F(BlockStoreTest, AnObjectOfAnotherLengthIsDamage) {
  const Extent extent = make_slice(1, kTestBlock);
  const ByteSpan part = bytes_of("too short");
  ASSERT_TRUE(memory_.put(Scope{}, "chunks/0/0/1_0_1048576", std::span(&part, 1)));
  EXPECT_EQ(read(extent, 0, kTestBlock).error().code, Code::kDamaged);
  EXPECT_EQ(read(extent, 2, 3).error().code, Code::kDamaged) << "also where the wanted bytes are there";
  EXPECT_EQ(tier_->stats().blocks, 0u);
  EXPECT_EQ(blocks_->stats().fetch_errors, 2u);
}

TEST_F(BlockStoreTest, AShortAnswerIsNeverTakenForTheWhole) {
  const Extent extent = make_slice(1, kTestBlock);
  const auto cut = faulty_.add({.kind = FaultKind::kShort, .times = 2, .at = 99});
  EXPECT_EQ(read(extent, 0, kTestBlock).error().code, Code::kDamaged);
  EXPECT_EQ(read(extent, 100, 100).error().code, Code::kDamaged);
  EXPECT_EQ(faulty_.fired(cut), 2u);
  EXPECT_EQ(read(extent, 100, 100).value(), content(1, kTestBlock).substr(100, 100));
}

TEST_F(BlockStoreTest, ExtentsThatMakeNoSenseAreRefused) {
  Extent extent = make_slice(1, kTestBlock);
  extent.slice_size -= 1;
  EXPECT_EQ(read(extent, 0, 10).error().code, Code::kDamaged);
  EXPECT_EQ(read(ExtentList{}, 0, 10).error().code, Code::kInvalid);
}

TEST_F(BlockStoreTest, WhatIsReadForAWholeCopyIsNotKeptAsBlocks) {
  const Extent extent = make_slice(1, 5 * kTestBlock / 2);
  std::string into(extent.length, '?');
  ASSERT_TRUE(blocks_->read_uncached(Scope{}, std::span(&extent, 1), 0, std::as_writable_bytes(std::span(into))));
  EXPECT_EQ(into, content(1, extent.length));
  EXPECT_EQ(tier_->stats().blocks, 0u);
  EXPECT_EQ(gets(), 3u);
  ASSERT_TRUE(read(extent, 0, kTestBlock));
  ASSERT_TRUE(blocks_->read_uncached(Scope{}, std::span(&extent, 1), 0, std::as_writable_bytes(std::span(into))));
  EXPECT_EQ(gets(), 3u + 1 + 2) << "what the tier has is taken from there";
}

TEST_F(BlockStoreTest, PrefetchedBlocksAreThereWhenTheyAreRead) {
  const Extent extent = make_slice(1, 4 * kTestBlock);
  blocks_->prefetch(std::span(&extent, 1));
  wait_until([&] { return tier_->stats().blocks == 4; });
  blocks_->prefetch(std::span(&extent, 1));
  EXPECT_EQ(read(extent, 0, 4 * kTestBlock).value(), content(1, 4 * kTestBlock));
  EXPECT_EQ(gets(), 4u);
  EXPECT_EQ(blocks_->stats().prefetches, 4u);
  EXPECT_EQ(blocks_->stats().prefetches_dropped, 0u);
}

TEST_F(BlockStoreTest, PrefetchesStopWhereMemoryOrConnectionsAreNeededByOthers) {
  open({.budget_bytes = 10 * kTestBlock, .downloads_max = 8});
  const Extent extent = make_slice(1, 40 * kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  blocks_->prefetch(std::span(&extent, 1));
  EXPECT_EQ(blocks_->stats().prefetches, 4u) << "half of the connections";
  EXPECT_EQ(blocks_->stats().prefetches_dropped, 1u) << "and then it stops asking";
  faulty_.end(hold);
  ASSERT_TRUE(blocks_->close(within(seconds(60))));
  open({.budget_bytes = 3 * kTestBlock, .downloads_max = 8});
  const auto hold_again = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  blocks_->prefetch(std::span(&extent, 1));
  EXPECT_EQ(blocks_->stats().prefetches, 2u) << "a tenth of the budget is not for prefetches";
  EXPECT_EQ(blocks_->stats().prefetches_dropped, 1u);
  faulty_.end(hold_again);
}

TEST_F(BlockStoreTest, AReaderTakesOverAPrefetchThatHasNotBegun) {
  open({.downloads_max = 1});
  const Extent first = make_slice(1, kTestBlock), second = make_slice(2, kTestBlock, kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .key_contains = "1_0_"});
  // Two prefetches may not be under way with one connection: the second one is asked for while the first one's place is
  // free again.
  blocks_->prefetch(std::span(&first, 1));
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  EXPECT_EQ(read(second, kTestBlock, kTestBlock, within(seconds(60))).value(), content(2, kTestBlock))
      << "it does not queue behind the prefetch";
  faulty_.end(hold);
}

TEST_F(BlockStoreTest, APrefetchThatFailsIsOnlyAPrefetch) {
  const Extent extent = make_slice(1, kTestBlock);
  const auto fail = faulty_.add({.method = Method::kGet, .times = 1});
  blocks_->prefetch(std::span(&extent, 1));
  wait_until([&] { return blocks_->stats().fetch_errors == 1; });
  EXPECT_EQ(faulty_.fired(fail), 1u);
  wait_until([&] { return blocks_->stats().buffer_bytes_now == 0; });
  EXPECT_EQ(read(extent, 0, kTestBlock).value(), content(1, kTestBlock));
}

TEST_F(BlockStoreTest, RemovingASliceRemovesItsBlocksAndMayBeRepeated) {
  make_slice(1, 5 * kTestBlock / 2);
  make_slice(2, 10);
  const std::uint64_t kept = tier_->stats().blocks;
  const Extent other = make_slice(3, 10);
  ASSERT_TRUE(read(other, 0, 10));
  ASSERT_EQ(tier_->stats().blocks, kept + 1);
  ASSERT_TRUE(blocks_->remove_slice(Scope{}, SliceId{3}, 10));
  EXPECT_EQ(tier_->stats().blocks, kept) << "the node's memory is given back with the objects";
  ASSERT_TRUE(blocks_->remove_slice(Scope{}, SliceId{1}, 5 * kTestBlock / 2));
  EXPECT_EQ(memory_.object_count(), 1u);
  EXPECT_TRUE(blocks_->remove_slice(Scope{}, SliceId{1}, 5 * kTestBlock / 2));
}

TEST_F(BlockStoreTest, ClosingWaitsForWhatRunsAndThenRefuses) {
  const Extent extent = make_slice(1, kTestBlock);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  blocks_->prefetch(std::span(&extent, 1));
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  EXPECT_EQ(blocks_->close(within(milliseconds(5))).error().code, Code::kTimedOut);
  faulty_.end(hold);
  ASSERT_TRUE(blocks_->close(within(seconds(60))));
  EXPECT_TRUE(blocks_->close(within(seconds(60))));
  EXPECT_EQ(tier_->stats().blocks, 1u);
  EXPECT_EQ(read(extent, 0, 10).error().code, Code::kBadHandle);
  EXPECT_EQ(blocks_->remove_slice(Scope{}, SliceId{1}, 10).error().code, Code::kBadHandle);
  blocks_->prefetch(std::span(&extent, 1));
}

TEST_F(BlockStoreTest, ManyReadersOfManyBlocksInASmallTierSeeTheRightBytes) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  open({.budget_bytes = 6 * kTestBlock, .tier_bytes = 8u << 20, .downloads_max = 4});
  std::vector<Extent> extents;
  std::vector<std::string> contents;
  for (std::uint64_t slice = 1; slice <= 6; ++slice) {
    extents.push_back(make_slice(slice, static_cast<std::uint32_t>(slice * kTestBlock / 2 + 123)));
    contents.push_back(content(slice, extents.back().length));
  }
  const auto fail = faulty_.add({.method = Method::kGet, .probability = 0.05, .code = Code::kTransient});
  const auto cut = faulty_.add({.kind = FaultKind::kShort, .method = Method::kGet, .probability = 0.02, .at = 77});
  std::atomic<int> wrong{0}, right{0}, failed{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < 6; ++thread) {
      threads.emplace_back([&, thread] {
        Rng rng(seed + thread);
        for (int i = 0; i < 200; ++i) {
          const std::size_t which = rng.below(extents.size());
          const std::uint64_t offset = rng.below(extents[which].length),
                              size = 1 + rng.below(extents[which].length - offset);
          if (rng.below(5) == 0) blocks_->prefetch(std::span(&extents[which], 1));
          const Scope scope = rng.below(5) == 0 ? within(std::chrono::microseconds(rng.below(300))) : Scope{};
          const auto got = read(extents[which], offset, size, scope);
          if (got) {
            ++(*got == contents[which].substr(offset, size) ? right : wrong);
          } else {
            ++failed;
          }
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(right, 100);
  EXPECT_GT(faulty_.fired(fail) + faulty_.fired(cut), 0u);
  ASSERT_TRUE(blocks_->close(within(seconds(60))));
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

}  // namespace
}  // namespace headrace::block
