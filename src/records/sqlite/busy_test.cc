// SPDX-License-Identifier: Apache-2.0
// Asking again, and turns.
#include "records/sqlite/busy.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace headrace::records {
namespace {

TEST(RetryWhileBusy, AsksUntilTheAnswerIsAnotherOne) {
  SystemScheduler scheduler;
  Rng rng(1);
  int calls = 0;
  EXPECT_TRUE(retry_while_busy(scheduler, Scope{}, rng, nullptr, [&]() -> Result<void> {
    if (++calls < 4) return Code::kBusy;
    return {};
  }));
  EXPECT_EQ(calls, 4);
  calls = 0;
  EXPECT_EQ(retry_while_busy(scheduler, Scope{}, rng, nullptr,
                             [&]() -> Result<void> { return ++calls < 2 ? Code::kBusy : Code::kIo; })
                .code(),
            Code::kIo);
}

TEST(RetryWhileBusy, EndsWithItsScope) {
  SystemScheduler scheduler;
  Rng rng(1);
  const auto busy = []() -> Result<void> { return Code::kBusy; };
  EXPECT_EQ(
      retry_while_busy(scheduler, Scope{scheduler.clock().now() + std::chrono::milliseconds(3), {}}, rng, nullptr, busy)
          .code(),
      Code::kTimedOut);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(retry_while_busy(scheduler, Scope{Moment::max(), stop.get_token()}, rng, nullptr, busy).code(),
            Code::kInterrupted);
}

TEST(Turn, GoesInTheOrderOfThoseWhoCame) {
  SystemScheduler scheduler;
  Turn turn(scheduler);
  ASSERT_TRUE(turn.take(Scope{}));
  Mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(scheduler.new_thread("caller", [&, i](std::stop_token) {
      ASSERT_TRUE(turn.take(Scope{}));
      {
        MutexLock lock(mutex);
        order.push_back(i);
      }
      turn.give();
    }));
    while (turn.waiting() < static_cast<std::size_t>(i) + 1)
      ASSERT_TRUE(pause(scheduler, Scope{}, std::chrono::microseconds(100)));
  }
  EXPECT_EQ(turn.take(Scope{scheduler.clock().now() + std::chrono::milliseconds(2), {}}).code(), Code::kTimedOut);
  turn.give();
  threads.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_TRUE(turn.take(Scope{}));
}

}  // namespace
}  // namespace headrace::records
