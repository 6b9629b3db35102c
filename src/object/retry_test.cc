// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "object/retry.h"

#include <gtest/gtest.h>

#include "object/testing/conformance.h"

namespace headrace::object {
namespace {

using std::chrono::milliseconds;

TEST(Retry, APauseIsAnythingUpToABoundThatDoublesToItsMaximum) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  const RetryPolicy policy;
  const auto longest_of = [&](Code code, std::uint32_t attempts) {
    Duration longest{0}, shortest = Duration::max();
    for (int i = 0; i < 2000; ++i) {
      const Duration pause = retry_pause(policy, code, attempts, rng);
      longest = std::max(longest, pause);
      shortest = std::min(shortest, pause);
    }
    EXPECT_LT(shortest, longest / 20) << "full jitter begins at nothing";
    return longest;
  };
  const auto expect_bound = [&](Code code, std::uint32_t attempts, Duration bound) {
    const Duration longest = longest_of(code, attempts);
    EXPECT_LE(longest, bound) << attempts;
    EXPECT_GT(longest, bound * 9 / 10) << attempts;
  };
  expect_bound(Code::kTransient, 1, milliseconds(50));
  expect_bound(Code::kTransient, 2, milliseconds(100));
  expect_bound(Code::kTransient, 5, milliseconds(800));
  expect_bound(Code::kTransient, 8, milliseconds(5000));
  expect_bound(Code::kTransient, 1'000'000, milliseconds(5000));
  expect_bound(Code::kThrottled, 1, milliseconds(500));
  expect_bound(Code::kThrottled, 2, milliseconds(1000));
}

TEST(Retry, TheBudgetIsSpentByRetriesAndRefilledBySuccesses) {
  RetryBudget budget(RetryPolicy{});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(budget.take(Code::kTransient));
  EXPECT_FALSE(budget.take(Code::kTransient));
  for (int i = 0; i < 9; ++i) budget.on_success();
  EXPECT_FALSE(budget.take(Code::kTimedOut)) << "a time-out costs ten";
  EXPECT_EQ(budget.tokens(), 9u) << "what was refused took nothing";
  budget.on_success();
  EXPECT_TRUE(budget.take(Code::kTimedOut));
  for (int i = 0; i < 1000; ++i) budget.on_success();
  EXPECT_EQ(budget.tokens(), 500u);
}

}  // namespace
}  // namespace headrace::object
