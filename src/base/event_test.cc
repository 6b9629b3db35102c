// SPDX-License-Identifier: Apache-2.0
#include "base/event.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <vector>

#include "base/rng.h"

namespace headrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A number that others wait for.
class Level {
 public:
  explicit Level(Scheduler& scheduler) : changed_(scheduler.new_event()) {}
  void set(int value) {
    MutexLock lock(mutex_);
    value_ = value;
    changed_->notify_all();
  }
  void set_and_notify_without_the_mutex(int value) {
    {
      MutexLock lock(mutex_);
      value_ = value;
    }
    changed_->notify_all();
  }
  Result<void> wait_for(int value, const Scope& scope) {
    MutexLock lock(mutex_);
    ++waiting_;
    const Result<void> waited =
        changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return value_ >= value; });
    --waiting_;
    return waited;
  }
  int waiting() {
    MutexLock lock(mutex_);
    return waiting_;
  }

 private:
  Mutex mutex_;
  int value_ GUARDED_BY(mutex_) = 0;
  int waiting_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Event> changed_;
};

class EventTest : public testing::Test {
 protected:
  Scope within(Duration length) { return {scheduler_.clock().now() + length, {}}; }
  Scope patient() { return within(seconds(60)); }

  SystemScheduler scheduler_;
  Level level_{scheduler_};
};

TEST_F(EventTest, AConditionThatHoldsNeedsNoWaitEvenWhenItIsTooLate) {
  level_.set(1);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(level_.wait_for(1, {Moment::min(), stop.get_token()}));
}

TEST_F(EventTest, ANotificationWakesTheWaiter) {
  std::jthread other = scheduler_.new_thread("other", [&](const std::stop_token&) { level_.set(1); });
  EXPECT_TRUE(level_.wait_for(1, patient()));
}

TEST_F(EventTest, ANotificationThatChangesNothingIsNoEndOfTheWait) {
  std::jthread other = scheduler_.new_thread("other", [&](const std::stop_token&) {
    for (int i = 0; i < 100; ++i) level_.set(1);
    while (level_.waiting() == 0) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) level_.set_and_notify_without_the_mutex(1);
    level_.set(2);
  });
  EXPECT_TRUE(level_.wait_for(2, patient()));
}

TEST_F(EventTest, ADeadlineEndsTheWaitAndNotBefore) {
  const Moment start = scheduler_.clock().now();
  const Result<void> waited = level_.wait_for(1, within(milliseconds(30)));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.code(), Code::kTimedOut);
  EXPECT_GE(scheduler_.clock().now() - start, milliseconds(30));
}

TEST_F(EventTest, ADeadlineThatHasPassedDoesNotSleep) {
  EXPECT_EQ(level_.wait_for(1, {Moment::min(), {}}).code(), Code::kTimedOut);
  EXPECT_EQ(level_.wait_for(1, {scheduler_.clock().now(), {}}).code(), Code::kTimedOut);
}

TEST_F(EventTest, AStopThatCameBeforeEndsTheWaitAtOnce) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(level_.wait_for(1, {Moment::max(), stop.get_token()}).code(), Code::kInterrupted);
}

TEST_F(EventTest, AStopEndsTheWaitOfAllAndOnlyOfThoseItIsMeantFor) {
  std::stop_source stop;
  std::atomic<int> stopped = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.push_back(scheduler_.new_thread("stopped", [&](const std::stop_token&) {
      const Result<void> waited = level_.wait_for(1, {Moment::max(), stop.get_token()});
      if (!waited && waited.code() == Code::kInterrupted) ++stopped;
    }));
  }
  Result<void> kept = Code::kIo;
  threads.push_back(
      scheduler_.new_thread("kept", [&](const std::stop_token&) { kept = level_.wait_for(1, patient()); }));
  while (level_.waiting() < 9) std::this_thread::yield();
  stop.request_stop();
  for (int i = 0; i < 8; ++i) threads[static_cast<std::size_t>(i)].join();
  EXPECT_EQ(stopped, 8);
  level_.set(1);
  threads.back().join();
  EXPECT_TRUE(kept);
}

TEST_F(EventTest, AStopMayBeAskedForWithTheWaitersMutexHeld) {
  Mutex mutex;
  bool is_asleep = false;
  const auto event = scheduler_.new_event();
  std::stop_source stop;
  Result<void> waited;
  std::jthread other = scheduler_.new_thread("other", [&](const std::stop_token&) {
    MutexLock lock(mutex);
    is_asleep = true;
    waited = event->wait({Moment::max(), stop.get_token()}, mutex, [] { return false; });
  });
  for (bool seen = false; !seen; std::this_thread::yield()) {
    MutexLock lock(mutex);
    seen = is_asleep;  // it has the mutex until it sleeps
    if (seen) stop.request_stop();
  }
  other.join();
  EXPECT_EQ(waited.code(), Code::kInterrupted);
}

TEST_F(EventTest, TheHookRunsBeforeASleepAndWithTheMutexFreeAndNotWithoutASleep) {
  Mutex mutex;
  bool holds = true;
  int hooked = 0;
  const auto event = scheduler_.new_event();
  set_wait_hook([&] {
    ++hooked;
    MutexLock lock(mutex);
    holds = true;
  });
  {
    MutexLock lock(mutex);
    EXPECT_TRUE(event->wait(patient(), mutex, [&] { return holds; }));
    EXPECT_EQ(hooked, 0);
    holds = false;
    EXPECT_TRUE(event->wait(patient(), mutex, [&] { return holds; }));  // the hook has made it true
    EXPECT_EQ(hooked, 1);
  }
  about_to_block();
  EXPECT_EQ(hooked, 2);
  std::jthread other = scheduler_.new_thread("other", [](const std::stop_token&) { about_to_block(); });
  other.join();
  set_wait_hook({});
  about_to_block();
  EXPECT_EQ(hooked, 2);
}

/// Threads hand numbers through a queue of one place; some waits are stopped or too short, and are tried again.
TEST_F(EventTest, NoWakeUpIsLostUnderLoad) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  constexpr int kPairs = 4, kNumbers = 2000;
  Rng rng(seed);
  Mutex mutex;
  std::deque<int> queue;
  const auto room = scheduler_.new_event(), item = scheduler_.new_event();
  std::atomic<std::int64_t> sum = 0;
  std::atomic<int> given_up = 0, stuck = 0;

  const auto wait_again_and_again = [&](Event& event, FunctionRef<bool()> holds) REQUIRES(mutex) {
    const Moment latest = scheduler_.clock().now() + seconds(60);
    for (;;) {
      std::stop_source stop;
      const std::uint64_t kind = rng.below(4);
      if (kind == 0) stop.request_stop();
      const Scope scope{kind == 1 ? scheduler_.clock().now() + std::chrono::microseconds(rng.below(50)) : latest,
                        stop.get_token()};
      if (event.wait(scope, mutex, holds)) return;
      ++given_up;
      if (scheduler_.clock().now() >= latest) {
        ++stuck;
        return;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int pair = 0; pair < kPairs; ++pair) {
      threads.push_back(scheduler_.new_thread("put", [&](const std::stop_token&) {
        for (int i = 1; i <= kNumbers; ++i) {
          MutexLock lock(mutex);
          wait_again_and_again(*room, [&] { return queue.empty(); });
          queue.push_back(i);
          item->notify_all();
        }
      }));
      threads.push_back(scheduler_.new_thread("take", [&](const std::stop_token&) {
        for (int i = 1; i <= kNumbers; ++i) {
          MutexLock lock(mutex);
          wait_again_and_again(*item, [&] { return !queue.empty(); });
          if (queue.empty()) return;
          sum += queue.front();
          queue.pop_front();
          lock.unlock();
          room->notify_all();
          lock.lock();
        }
      }));
    }
  }
  EXPECT_EQ(stuck, 0);
  EXPECT_EQ(sum, std::int64_t{kPairs} * kNumbers * (kNumbers + 1) / 2);
  EXPECT_GT(given_up, 0) << "no wait was ever stopped or too short";
}

// The next two: one thread waits, round after round; the other one strikes once in each, as soon as it has seen the
// waiter look, and a little later from round to round: around the moment between the last look and the sleep.
constexpr int kRounds = 10'000;

void strike_after_look(const std::atomic<int>& looked, int round) {
  for (int spins = 0; looked.load() < round; ++spins) {
    if (spins > 200) std::this_thread::yield();  // the machine may be busy: let the waiter run
  }
  for (int i = 0; i < round % 400; ++i) (void)looked.load();
}

TEST_F(EventTest, ANotificationBetweenTheLastLookAndTheSleepIsNotLost) {
  Mutex mutex;
  const auto event = scheduler_.new_event();
  int struck = 0, lost = 0;
  std::atomic<int> looked = 0;
  const Moment latest = scheduler_.clock().now() + seconds(120);
  std::jthread other = scheduler_.new_thread("other", [&](const std::stop_token&) {
    for (int round = 1; round <= kRounds; ++round) {
      strike_after_look(looked, round);
      while (!mutex.try_lock()) std::this_thread::yield();
      struck = round;
      if (round % 2 == 0) event->notify_all();
      mutex.unlock();
      if (round % 2 != 0) event->notify_all();
    }
  });
  for (int round = 1; round <= kRounds && lost == 0; ++round) {
    MutexLock lock(mutex);
    const Scope scope{std::min(latest, scheduler_.clock().now() + seconds(10)), {}};
    if (!event->wait(scope, mutex, [&] { return looked = round, struck >= round; })) ++lost;
  }
  EXPECT_EQ(lost, 0);
  looked = kRounds;  // lets the other one end
}

TEST_F(EventTest, AStopBetweenTheLastLookAndTheSleepIsNotLost) {
  Mutex mutex;
  const auto event = scheduler_.new_event();
  std::atomic<int> looked = 0;
  std::vector<std::stop_source> stops(kRounds + 1);
  std::jthread other = scheduler_.new_thread("other", [&](const std::stop_token&) {
    for (int round = 1; round <= kRounds; ++round) {
      strike_after_look(looked, round);
      stops[static_cast<std::size_t>(round)].request_stop();
    }
  });
  Code ended = Code::kInterrupted;
  for (int round = 1; round <= kRounds && ended == Code::kInterrupted; ++round) {
    MutexLock lock(mutex);
    const Scope scope{scheduler_.clock().now() + seconds(10), stops[static_cast<std::size_t>(round)].get_token()};
    ended = event->wait(scope, mutex, [&] { return looked = round, false; }).code();
  }
  EXPECT_EQ(ended, Code::kInterrupted);
  looked = kRounds;
}

TEST_F(EventTest, AThreadShowsTheFirstFifteenBytesOfItsName) {
  std::array<char, 16> name{};
  scheduler_
      .new_thread("a-name-that-is-too-long",
                  [&](const std::stop_token&) { pthread_getname_np(pthread_self(), name.data(), name.size()); })
      .join();
  EXPECT_STREQ(name.data(), "a-name-that-is-");
}

TEST_F(EventTest, AThreadIsAskedToStopWhenItsOwnerEnds) {
  std::atomic<bool> was_asked = false;
  {
    std::jthread thread = scheduler_.new_thread("t", [&](const std::stop_token& stop) {
      was_asked = !pause(scheduler_, {Moment::max(), stop}, Duration::max());
    });
  }
  EXPECT_TRUE(was_asked);
}

TEST(Pause, LastsAsLongAsAsked) {
  SystemScheduler scheduler;
  const Moment start = scheduler.clock().now();
  EXPECT_TRUE(pause(scheduler, {}, milliseconds(20)));
  EXPECT_GE(scheduler.clock().now() - start, milliseconds(20));
}

TEST(Pause, EndsWhenItIsStoppedOrTheDeadlineIsEarlier) {
  SystemScheduler scheduler;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(pause(scheduler, {Moment::max(), stop.get_token()}, Duration::max()).code(), Code::kInterrupted);
  EXPECT_EQ(pause(scheduler, {scheduler.clock().now() + milliseconds(5), {}}, seconds(60)).code(), Code::kTimedOut);
}

}  // namespace
}  // namespace headrace
