// SPDX-License-Identifier: Apache-2.0
#include "block/fetcher.h"

#include <gtest/gtest.h>

#include "object/testing/test_seed.h"

namespace headrace::block {
namespace {

constexpr std::uint32_t kMiB = 1u << 20;

TEST(Fetcher, ABlockThatIsKeptIsFetchedWholeWhenThatPays) {
  EXPECT_TRUE(is_fetched_whole(4 * kMiB, kMiB, true, false)) << "a quarter";
  EXPECT_FALSE(is_fetched_whole(4 * kMiB, kMiB - 1, true, false)) << "a small part of a large block";
  EXPECT_TRUE(is_fetched_whole(4 * kMiB, 4096, true, true)) << "again";
  EXPECT_TRUE(is_fetched_whole(256u << 10, 1, true, false)) << "a small block";
}

TEST(Fetcher, ABlockThatIsNotKeptIsFetchedWholeOnlyForMostOfIt) {
  EXPECT_TRUE(is_fetched_whole(4 * kMiB, 2 * kMiB, false, false));
  EXPECT_FALSE(is_fetched_whole(4 * kMiB, 2 * kMiB - 1, false, true));
  EXPECT_FALSE(is_fetched_whole(100, 49, false, true));
}

TEST(RecentBlocks, RemembersWhatWasTouchedLatelyAndForgetsInTime) {
  RecentBlocks recent;
  for (std::uint64_t slice = 1; slice <= 100; ++slice) EXPECT_FALSE(recent.touch({SliceId{slice}, 0, 100}));
  int remembered = 0;
  for (std::uint64_t slice = 1; slice <= 100; ++slice) remembered += recent.touch({SliceId{slice}, 0, 100}) ? 1 : 0;
  EXPECT_GE(remembered, 90) << "a few share a place";
  EXPECT_FALSE(recent.touch({SliceId{1}, 1, 100})) << "another block of the slice";
  for (std::uint64_t slice = 1000; slice < 101'000; ++slice) recent.touch({SliceId{slice}, 0, 100});
  EXPECT_FALSE(recent.touch({SliceId{1}, 0, 100}));
}

}  // namespace
}  // namespace headrace::block
