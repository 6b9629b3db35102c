// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>

#include "base/rng.h"

namespace headrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Holds jobs back until it is opened.
class Gate {
 public:
  explicit Gate(Scheduler& scheduler) : opened_(scheduler.new_event()) {}
  void pass() {
    MutexLock lock(mutex_);
    ++inside_;
    EXPECT_TRUE(opened_->wait({}, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return is_open_; }));
  }
  void open() {
    MutexLock lock(mutex_);
    is_open_ = true;
    opened_->notify_all();
  }
  void until_inside(int count) {
    for (int seen = 0; seen < count; std::this_thread::yield()) {
      MutexLock lock(mutex_);
      seen = inside_;
    }
  }

 private:
  Mutex mutex_;
  bool is_open_ GUARDED_BY(mutex_) = false;
  int inside_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Event> opened_;
};

class ThreadPoolTest : public testing::Test {
 protected:
  Scope patient() { return {scheduler_.clock().now() + seconds(60), {}}; }
  Scope hasty() { return {scheduler_.clock().now() + milliseconds(5), {}}; }
  /// One thread, which waits at the gate, and a queue of two.
  void block(ThreadPool& pool) {
    ASSERT_TRUE(pool.submit(patient(), [this] { gate_.pass(); }));
    gate_.until_inside(1);
  }

  SystemScheduler scheduler_;
  Gate gate_{scheduler_};
};

TEST_F(ThreadPoolTest, JobsOfOneThreadRunInTheOrderTheyCame) {
  std::vector<int> order;
  {
    ThreadPool pool(scheduler_, "pool", 1, 4);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.submit(patient(), [&order, i] { order.push_back(i); }));
  }
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST_F(ThreadPoolTest, AllThreadsWorkAtOnceAndHaveTheirNames) {
  Mutex mutex;
  std::set<std::string> names;
  {
    ThreadPool pool(scheduler_, "fetch", 3, 3);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(pool.submit(patient(), [&] {
        std::array<char, 16> name{};
        pthread_getname_np(pthread_self(), name.data(), name.size());
        MutexLock lock(mutex);
        names.insert(name.data());
        lock.unlock();
        gate_.pass();
      }));
    }
    gate_.until_inside(3);
    EXPECT_EQ(pool.running(), 3u);
    gate_.open();
  }
  EXPECT_EQ(names, (std::set<std::string>{"fetch-0", "fetch-1", "fetch-2"}));
}

TEST_F(ThreadPoolTest, AFullQueueRefusesOrWaitsAndNeverGrows) {
  std::atomic<int> ran = 0;
  ThreadPool pool(scheduler_, "pool", 1, 2);
  block(pool);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(pool.try_submit([&] { ++ran; }));
  ThreadPool::Job refused = [&] { ++ran; };
  EXPECT_EQ(pool.try_submit(std::move(refused)).code(), Code::kBusy);
  EXPECT_NE(refused, nullptr) << "a refused job is still the caller's";  // NOLINT
  EXPECT_EQ(pool.submit(hasty(), [&] { ++ran; }).code(), Code::kTimedOut);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(pool.submit({Moment::max(), stop.get_token()}, [&] { ++ran; }).code(), Code::kInterrupted);
  EXPECT_EQ(pool.queued(), 2u);

  Result<void> waited = Code::kIo;
  std::jthread waiter =
      scheduler_.new_thread("waiter", [&](const std::stop_token&) { waited = pool.submit(patient(), [&] { ++ran; }); });
  gate_.open();
  waiter.join();
  EXPECT_TRUE(waited);
  pool.close();
  EXPECT_EQ(ran, 3) << "those that were refused never ran";
}

TEST_F(ThreadPoolTest, ClosingRunsWhatWasAcceptedAndRefusesTheRest) {
  std::atomic<int> ran = 0;
  ThreadPool pool(scheduler_, "pool", 1, 2);
  block(pool);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(pool.try_submit([&] { ++ran; }));
  Result<void> waited;
  std::jthread waiter =
      scheduler_.new_thread("waiter", [&](const std::stop_token&) { waited = pool.submit(patient(), [&] { ++ran; }); });
  std::jthread closer = scheduler_.new_thread("closer", [&](const std::stop_token&) { pool.close(); });
  while (pool.try_submit([&] { ++ran; }).code() != Code::kBadHandle) std::this_thread::yield();
  waiter.join();
  EXPECT_EQ(waited.code(), Code::kBadHandle) << "who waits for a place is told";
  gate_.open();
  pool.close();
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(pool.running(), 0u);
  EXPECT_EQ(pool.submit(patient(), [] {}).code(), Code::kBadHandle);
}

TEST_F(ThreadPoolTest, WhatAJobOwnsEndsBeforeTheNextOneBegins) {
  const auto owned = std::make_shared<int>(1);
  ThreadPool pool(scheduler_, "pool", 1, 2);
  ASSERT_TRUE(pool.submit(patient(), [copy = owned] {}));
  std::atomic<long> others = -1;
  ASSERT_TRUE(pool.submit(patient(), [&] { others = owned.use_count(); }));
  pool.close();
  EXPECT_EQ(others, 1);
}

TEST_F(ThreadPoolTest, ManyCallersAndGiversUpRunExactlyWhatWasAccepted) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  std::atomic<int> ran = 0, accepted = 0, refused = 0;
  {
    ThreadPool pool(scheduler_, "pool", 3, 2);
    std::vector<std::jthread> callers;
    for (int t = 0; t < 6; ++t) {
      callers.push_back(scheduler_.new_thread("caller", [&](const std::stop_token&) {
        for (int i = 0; i < 500; ++i) {
          const std::uint64_t kind = rng.below(4);
          const auto job = [&] { ++ran; };
          const Result<void> submitted =
              kind == 0   ? pool.try_submit(job)
              : kind == 1 ? pool.submit({scheduler_.clock().now() + std::chrono::microseconds(10), {}}, job)
                          : pool.submit(patient(), job);
          ++(submitted ? accepted : refused);
          if (kind > 1) EXPECT_TRUE(submitted);
        }
      }));
    }
  }
  EXPECT_EQ(ran, accepted);
  EXPECT_EQ(accepted + refused, 3000);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace headrace
