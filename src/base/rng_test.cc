// SPDX-License-Identifier: Apache-2.0
#include "base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace headrace {
namespace {

TEST(Rng, GivesTheSequenceOfSplitmix64) {
  Rng rng(1234567);  // the published test vector of its reference implementation
  EXPECT_EQ(rng.next(), 6457827717110365317ull);
  EXPECT_EQ(rng.next(), 3203168211198807973ull);
  EXPECT_EQ(rng.next(), 9817491932198370423ull);
}

TEST(Rng, BelowStaysBelowAndReachesEverything) {
  Rng rng(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen.at(rng.below(7));
  for (const int count : seen) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(rng.below(1), 0u);
}

TEST(Rng, AUnitIsFromZeroToOneWithoutOne) {
  Rng rng(2);
  double least = 1, most = 0;
  for (int i = 0; i < 10000; ++i) {
    const double unit = rng.unit();
    least = std::min(least, unit);
    most = std::max(most, unit);
  }
  EXPECT_GE(least, 0);
  EXPECT_LT(least, 0.01);
  EXPECT_LT(most, 1);
  EXPECT_GT(most, 0.99);
}

TEST(Rng, TwoSeedsOfTheSystemDiffer) { EXPECT_NE(random_seed(), random_seed()); }

}  // namespace
}  // namespace headrace
