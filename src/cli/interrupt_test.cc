// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace headrace::cli {
namespace {

TEST(Interrupt, TheFirstSignalStopsAndTheSecondOneRunsWhatEndsTheProcess) {
  SystemScheduler scheduler;
  Mutex mutex;
  const auto changed = scheduler.new_event();
  bool is_second = false;
  InterruptWatch watch(scheduler, [&] {
    MutexLock lock(mutex);
    is_second = true;
    changed->notify_all();
  });
  std::stop_callback wake(watch.token(), [&] { changed->notify_all(); });
  const Scope scope{scheduler.clock().now() + std::chrono::seconds(20), {}};
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  MutexLock lock(mutex);
  ASSERT_TRUE(changed->wait(scope, mutex, [&] { return watch.token().stop_requested(); }));
  EXPECT_TRUE(watch.has_come());
  EXPECT_FALSE(is_second);
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  ASSERT_TRUE(changed->wait(scope, mutex, [&] { return is_second; }));
}

TEST(Interrupt, AStopWithoutASignalIsNotCountedAsOne) {
  SystemScheduler scheduler;
  InterruptWatch watch(scheduler, [] {});
  watch.stop();
  EXPECT_TRUE(watch.token().stop_requested());
  EXPECT_FALSE(watch.has_come());
}

}  // namespace
}  // namespace headrace::cli
