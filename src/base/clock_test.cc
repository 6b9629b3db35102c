// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/scope.h"

namespace headrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SystemClock, ItsMomentsDoNotGoBackAndItsWallIsTheSystems) {
  const SystemClock clock;
  Moment last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const Moment now = clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_LE(std::abs(clock.wall().seconds - ::time(nullptr)), 1);
  EXPECT_LT(clock.wall().nanoseconds, 1'000'000'000u);
}

TEST(ManualClock, StandsStillUntilItIsMovedAndThenMovesBothFaces) {
  ManualClock clock({100, 999'999'999});
  const Moment start = clock.now();
  EXPECT_EQ(clock.now(), start);
  clock.advance(Duration(1));
  EXPECT_EQ(clock.now() - start, Duration(1));
  EXPECT_EQ(clock.wall(), (Timestamp{101, 0}));
  clock.advance(seconds(2) + milliseconds(1500));
  EXPECT_EQ(clock.wall(), (Timestamp{104, 500'000'000}));
}

TEST(ManualClock, TheWallCanJumpAlone) {
  ManualClock clock;
  const Moment start = clock.now();
  clock.set_wall({5, 0});
  EXPECT_EQ(clock.wall(), (Timestamp{5, 0}));
  EXPECT_EQ(clock.now(), start);
}

TEST(ManualClock, DoesNotGoBack) {
  ManualClock clock;
  EXPECT_DEATH(clock.advance(Duration(-1)), "internal error");
}

TEST(Scope, TheEarlierDeadlineWins) {
  const Moment now{seconds(100)};
  const Scope scope{now + seconds(5), {}};
  EXPECT_EQ(scope.until(now).deadline, now);
  EXPECT_EQ(scope.until(now + seconds(9)).deadline, now + seconds(5));
}

TEST(Scope, WorkThatGoesOnForgetsTheStopAndKeepsTheDeadline) {
  std::stop_source stop;
  const Scope scope{Moment{seconds(3)}, stop.get_token()};
  EXPECT_FALSE(scope.without_stop().stop.stop_possible());
  EXPECT_EQ(scope.without_stop().deadline, scope.deadline);
  EXPECT_TRUE(scope.until(Moment{seconds(1)}).stop.stop_possible());
}

}  // namespace
}  // namespace headrace
