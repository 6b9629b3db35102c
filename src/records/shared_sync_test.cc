// SPDX-License-Identifier: Apache-2.0
// Who shares which sync.
#include "records/shared_sync.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace headrace::records {
namespace {

class SharedSyncTest : public testing::Test {
 protected:
  /// Hangs until as many syncs are allowed.
  Result<void> force() {
    MutexLock lock(mutex_);
    const int number = ++begun_;
    changed_->notify_all();
    (void)changed_->wait(Scope{}, mutex_, [this, number]() NO_THREAD_SAFETY_ANALYSIS { return allowed_ >= number; });
    return answer_;
  }
  void allow(int syncs) {
    MutexLock lock(mutex_);
    allowed_ = syncs;
    changed_->notify_all();
  }
  void await_begun(int syncs) {
    MutexLock lock(mutex_);
    (void)changed_->wait(Scope{}, mutex_, [this, syncs]() NO_THREAD_SAFETY_ANALYSIS { return begun_ >= syncs; });
  }
  int begun() {
    MutexLock lock(mutex_);
    return begun_;
  }
  void answer(Result<void> answer) {
    MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }
  std::jthread start_sync(Code expected = Code::kNotFound /* success */) {
    const std::uint64_t ticket = sync_.ticket();
    return scheduler_.new_thread("caller", [this, ticket, expected](std::stop_token) {
      const Result<void> synced = sync_.wait(Scope{}, ticket);
      if (synced)
        ++done_;
      else
        EXPECT_EQ(synced.code(), expected);
    });
  }

  SystemScheduler scheduler_;
  Mutex mutex_;
  std::unique_ptr<Event> changed_ = scheduler_.new_event();
  int begun_ GUARDED_BY(mutex_) = 0, allowed_ GUARDED_BY(mutex_) = 1000;
  Result<void> answer_ GUARDED_BY(mutex_);
  std::atomic<int> done_ = 0;
  SharedSync sync_{scheduler_, [this] { return force(); }, nullptr};
};

TEST_F(SharedSyncTest, ThoseWhoComeWhileOneRunsShareTheNext) {
  allow(0);
  std::vector<std::jthread> callers;
  callers.push_back(start_sync());
  await_begun(1);
  for (int i = 0; i < 10; ++i) callers.push_back(start_sync());
  allow(1000);
  callers.clear();
  EXPECT_EQ(done_.load(), 11);
  EXPECT_EQ(begun(), 2);
}

TEST_F(SharedSyncTest, ATicketFromBeforeTheRunningOneIsCoveredByIt) {
  allow(0);
  const std::uint64_t ticket = sync_.ticket();
  std::jthread first = start_sync();
  await_begun(1);
  std::jthread second =
      scheduler_.new_thread("caller", [&](std::stop_token) { EXPECT_TRUE(sync_.wait(Scope{}, ticket)); });
  allow(1000);
  first.join();
  second.join();
  EXPECT_EQ(begun(), 1);
  EXPECT_TRUE(sync_.wait(Scope{}, ticket));
  EXPECT_EQ(begun(), 1);
}

TEST_F(SharedSyncTest, WhoGivesUpLeavesAndTheOthersStay) {
  allow(0);
  std::jthread first = start_sync();
  await_begun(1);
  const Scope brief{scheduler_.clock().now() + std::chrono::milliseconds(5), {}};
  EXPECT_EQ(sync_.wait(brief, sync_.ticket()).code(), Code::kTimedOut);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(sync_.wait(Scope{Moment::max(), stop.get_token()}, sync_.ticket()).code(), Code::kInterrupted);
  allow(1000);
  first.join();
  EXPECT_EQ(done_.load(), 1);
}

TEST_F(SharedSyncTest, AFailureIsRememberedBecauseTheNextSyncWouldLie) {
  const std::uint64_t early = sync_.ticket();
  ASSERT_TRUE(sync_.wait(Scope{}, early));
  EXPECT_FALSE(sync_.has_failed());
  answer(Error(Code::kIo, "disk gone"));
  EXPECT_EQ(sync_.wait(Scope{}, sync_.ticket()).error(), Error(Code::kIo, "disk gone"));
  answer({});
  EXPECT_EQ(sync_.wait(Scope{}, sync_.ticket()).error(), Error(Code::kIo, "disk gone"));
  EXPECT_TRUE(sync_.has_failed());
}

}  // namespace
}  // namespace headrace::records
