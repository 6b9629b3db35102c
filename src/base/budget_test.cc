// SPDX-License-Identifier: Apache-2.0
#include "base/budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/rng.h"

namespace headrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BudgetTest : public testing::Test {
 protected:
  Scope patient() { return {scheduler_.clock().now() + seconds(60), {}}; }
  Scope hasty() { return {scheduler_.clock().now() + milliseconds(5), {}}; }
  void until_waiting(std::uint64_t count) {
    while (budget_.waiting() != count) std::this_thread::yield();
  }
  /// A thread that takes, notes its number, and keeps the bytes.
  std::jthread taker(int number, std::uint64_t bytes, const Scope& scope = {}) {
    return scheduler_.new_thread("taker", [this, number, bytes, scope](const std::stop_token&) {
      Result<Reservation> taken = budget_.take(scope, bytes);
      MutexLock lock(mutex_);
      if (!taken) return;
      order_.push_back(number);
      kept_.push_back(*std::move(taken));
    });
  }
  std::vector<int> order() {
    MutexLock lock(mutex_);
    return order_;
  }

  SystemScheduler scheduler_;
  Budget budget_{scheduler_, 100};
  Mutex mutex_;
  std::vector<int> order_ GUARDED_BY(mutex_);
  std::vector<Reservation> kept_ GUARDED_BY(mutex_);
};

TEST_F(BudgetTest, WhatIsTakenIsUsedUntilItIsGivenBack) {
  {
    Reservation first = budget_.take(patient(), 60).value();
    EXPECT_EQ(first.bytes(), 60u);
    EXPECT_EQ(budget_.used_bytes(), 60u);
    first.shrink_to(10);
    EXPECT_EQ(budget_.used_bytes(), 10u);
    Reservation second = std::move(first);
    EXPECT_EQ(first.bytes(), 0u);  // NOLINT: what a moved one says is promised
    EXPECT_EQ(budget_.used_bytes(), 10u);
    second = budget_.take(patient(), 90).value();
    EXPECT_EQ(budget_.used_bytes(), 90u) << "assigning gives back what was held";
    second.release();
    second.release();
    EXPECT_EQ(budget_.used_bytes(), 0u);
    first = budget_.take(patient(), 5).value();
  }
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(BudgetTest, ARequestLargerThanTheWholeBudgetIsRefusedAndNotWaitedFor) {
  EXPECT_EQ(budget_.take({}, 101).code(), Code::kInvalid);
  EXPECT_TRUE(budget_.take(patient(), 100));
}

TEST_F(BudgetTest, NothingCostsNothingEvenWhenAllIsTaken) {
  const Reservation all = budget_.take(patient(), 100).value();
  EXPECT_EQ(budget_.take(patient(), 0).value().bytes(), 0u);
}

TEST_F(BudgetTest, WaitingEndsAtTheDeadlineAndWhenStopped) {
  const Reservation all = budget_.take(patient(), 100).value();
  EXPECT_EQ(budget_.take(hasty(), 1).code(), Code::kTimedOut);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(budget_.take({Moment::max(), stop.get_token()}, 1).code(), Code::kInterrupted);
  EXPECT_EQ(budget_.waiting(), 0u);
  EXPECT_EQ(budget_.used_bytes(), 100u);
}

TEST_F(BudgetTest, FirstComeIsFirstServedEvenIfASmallerOneWouldFit) {
  Reservation all = budget_.take(patient(), 100).value();
  std::vector<std::jthread> threads;
  threads.push_back(taker(1, 80));
  until_waiting(1);
  threads.push_back(taker(2, 5));
  until_waiting(2);
  threads.push_back(taker(3, 10));
  until_waiting(3);
  all.shrink_to(50);  // the small ones would fit
  EXPECT_EQ(budget_.waiting(), 3u);
  EXPECT_EQ(budget_.take(hasty(), 1).code(), Code::kTimedOut) << "a newcomer does not overtake either";
  all.shrink_to(15);  // 80 and 5 fit
  threads[0].join();
  threads[1].join();
  EXPECT_EQ(budget_.waiting(), 1u);
  all.release();
  threads[2].join();
  EXPECT_EQ(order().back(), 3);
  EXPECT_EQ(budget_.used_bytes(), 95u);
  MutexLock lock(mutex_);
  kept_.clear();
}

TEST_F(BudgetTest, OneThatGivesUpLetsThoseBehindItGoOn) {
  Reservation most = budget_.take(patient(), 60).value();
  std::stop_source stop;
  std::jthread large = taker(1, 90, {Moment::max(), stop.get_token()});
  until_waiting(1);
  std::jthread small = taker(2, 40);
  until_waiting(2);
  stop.request_stop();
  large.join();
  small.join();
  EXPECT_EQ(order(), std::vector<int>{2});
  MutexLock lock(mutex_);
  kept_.clear();
}

TEST_F(BudgetTest, WorkThatCanBeDroppedLeavesATenthAndNeverOvertakes) {
  EXPECT_EQ(budget_.try_take(91).bytes(), 0u);
  Reservation most = budget_.try_take(90);
  EXPECT_EQ(most.bytes(), 90u);
  EXPECT_EQ(budget_.try_take(1).bytes(), 0u);
  EXPECT_EQ(budget_.take(patient(), 10).value().bytes(), 10u);
  std::jthread waiter = taker(1, 100);
  until_waiting(1);
  most.shrink_to(10);
  EXPECT_EQ(budget_.try_take(1).bytes(), 0u) << "somebody waits";
  most.release();
  waiter.join();
  MutexLock lock(mutex_);
  kept_.clear();
}

TEST_F(BudgetTest, ALateGiftIsKeptAndNotLost) {
  // A grant may race with the deadline: whoever is told "timed out" must hold nothing.
  for (int round = 0; round < 200; ++round) {
    Reservation all = budget_.take(patient(), 100).value();
    std::jthread waiter = scheduler_.new_thread("waiter", [&](const std::stop_token&) {
      const Scope scope{scheduler_.clock().now() + std::chrono::microseconds(100), {}};
      const Result<Reservation> taken = budget_.take(scope, 100);
    });
    const Moment until = scheduler_.clock().now() + std::chrono::microseconds(60 + round);
    while (scheduler_.clock().now() < until) {
    }
    all.release();
    waiter.join();
    ASSERT_EQ(budget_.used_bytes(), 0u) << "round " << round;
  }
}

TEST_F(BudgetTest, ManyThreadsNeverUseMoreThanThereIsAndAllEnd) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  std::atomic<std::uint64_t> held = 0, most = 0;
  std::atomic<int> taken = 0, refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.push_back(scheduler_.new_thread("user", [&](const std::stop_token&) {
        for (int i = 0; i < 500; ++i) {
          const std::uint64_t bytes = 1 + rng.below(100);
          const bool is_hasty = rng.below(8) == 0;
          Result<Reservation> reservation = budget_.take(
              is_hasty ? Scope{scheduler_.clock().now() + std::chrono::microseconds(20), {}} : patient(), bytes);
          if (!reservation) {
            ++refused;
            EXPECT_TRUE(is_hasty);
            continue;
          }
          ++taken;
          const std::uint64_t now = held += bytes;
          for (std::uint64_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          if (rng.below(2) == 0) std::this_thread::yield();
          held -= bytes;
        }
      }));
    }
  }
  EXPECT_LE(most, 100u);
  EXPECT_EQ(taken + refused, 4000);
  EXPECT_EQ(budget_.used_bytes(), 0u);
  EXPECT_EQ(budget_.waiting(), 0u);
}

}  // namespace
}  // namespace headrace
