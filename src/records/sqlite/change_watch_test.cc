// SPDX-License-Identifier: Apache-2.0
// Watchers hear of others, not of us.
#include "records/sqlite/change_watch.h"

#include <gtest/gtest.h>

#include <atomic>

#include "records/sqlite/engine.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(5);

class ChangeWatchTest : public testing::Test {
 protected:
  std::unique_ptr<RecordEngine> open(bool read_only = false) {
    SqliteTuning tuning;
    tuning.watch_interval = kInterval;
    return open_sqlite_engine(folder_.file("volume.db"), OpenOptions{!read_only, read_only, nullptr}, scheduler_,
                              tuning)
        .value();
  }
  static void change(RecordEngine& engine) {
    EXPECT_TRUE(engine.run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
      add(txn, CounterKey{"a"}, 1);
      return {};
    }));
  }
  std::shared_ptr<void> count_calls(RecordEngine& engine, std::atomic<int>& calls) {
    return engine.watch([&calls](std::span<const Key> keys) {
      EXPECT_TRUE(keys.empty());
      ++calls;
    });
  }
  /// Until the count is above `before`; ten seconds at most.
  void await_more(const std::atomic<int>& calls, int before) {
    for (int i = 0; i < 10000 && calls <= before; ++i)
      ASSERT_TRUE(pause(scheduler_, Scope{}, std::chrono::milliseconds(1)));
    EXPECT_GT(calls.load(), before);
  }
  void pass_looks(int count) { ASSERT_TRUE(pause(scheduler_, Scope{}, kInterval * (2 * count))); }

  SystemScheduler scheduler_;
  TempFolder folder_;
};

TEST_F(ChangeWatchTest, AnothersCommitIsHeardAndOursIsNot) {
  const auto ours = open(), theirs = open();
  std::atomic<int> calls = 0;
  const auto token = count_calls(*ours, calls);
  for (int i = 0; i < 50; ++i) {
    change(*ours);
    pass_looks(1);
  }
  EXPECT_EQ(calls.load(), 0);
  change(*theirs);
  await_more(calls, 0);
}

TEST_F(ChangeWatchTest, AnothersCommitIsHeardThroughManyOfOurs) {
  const auto ours = open(), theirs = open();
  std::atomic<int> calls = 0;
  const auto token = count_calls(*ours, calls);
  std::jthread busy = scheduler_.new_thread("busy", [&](std::stop_token stop) {
    while (!stop.stop_requested()) change(*ours);
  });
  for (int i = 0; i < 5; ++i) {
    const int before = calls;
    change(*theirs);
    await_more(calls, before);
  }
}

TEST_F(ChangeWatchTest, AnEngineThatOnlyReadsHearsEverybody) {
  const auto theirs = open();
  const auto reader = open(true);
  std::atomic<int> calls = 0;
  const auto token = count_calls(*reader, calls);
  change(*theirs);
  await_more(calls, 0);
}

TEST_F(ChangeWatchTest, WhoHasEndedItsWatchIsNotCalled) {
  const auto ours = open(), theirs = open();
  std::atomic<int> calls = 0, others = 0;
  auto token = count_calls(*ours, calls);
  const auto other = count_calls(*ours, others);
  change(*theirs);
  await_more(calls, 0);
  token.reset();
  const int before = calls;
  const int others_before = others;
  change(*theirs);
  await_more(others, others_before);
  EXPECT_EQ(calls.load(), before);
}

TEST_F(ChangeWatchTest, AWatchThatEndsWaitsForItsCallback) {
  const auto ours = open(), theirs = open();
  std::atomic<bool> is_inside = false, has_left = false;
  auto token = ours->watch([&](std::span<const Key>) {
    is_inside = true;
    (void)pause(scheduler_, Scope{}, std::chrono::milliseconds(20));
    has_left = true;
  });
  change(*theirs);
  while (!is_inside) ASSERT_TRUE(pause(scheduler_, Scope{}, std::chrono::milliseconds(1)));
  token.reset();
  EXPECT_TRUE(has_left.load());
}

TEST_F(ChangeWatchTest, ACallbackMayEndItsOwnWatchAndAWatchMayOutliveItsEngine) {
  auto ours = open();
  const auto theirs = open();
  std::atomic<int> calls = 0;
  std::shared_ptr<void> token;
  Mutex mutex;
  mutex.lock();  // the callback must not run before the token is here
  token = ours->watch([&](std::span<const Key>) {
    MutexLock lock(mutex);
    token.reset();
    ++calls;
  });
  mutex.unlock();
  const auto other = ours->watch([](std::span<const Key>) {});
  change(*theirs);
  await_more(calls, 0);
  ours.reset();
}

}  // namespace
}  // namespace headrace::records
