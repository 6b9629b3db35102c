// SPDX-License-Identifier: Apache-2.0
#include "fuse/running.h"

#include <gtest/gtest.h>

#include <thread>

#include "fuse/aside.h"

namespace headrace::fuse {
namespace {

TEST(Running, AnInterruptStopsTheRequestThatItNames) {
  ManualClock clock;
  RunningRequests running(clock);
  RunningRequests::Place &a = running.take_place(), &b = running.take_place();
  const std::stop_token of_a = running.begin(a, 10), of_b = running.begin(b, 12);
  EXPECT_TRUE(running.interrupt(12));
  EXPECT_FALSE(of_a.stop_requested());
  EXPECT_TRUE(of_b.stop_requested());
  EXPECT_FALSE(running.end(a));
  EXPECT_TRUE(running.end(b));
}

TEST(Running, TheNextRequestOfAStoppedThreadRuns) {
  ManualClock clock;
  RunningRequests running(clock);
  RunningRequests::Place& place = running.take_place();
  running.begin(place, 10);
  running.interrupt(10);
  running.end(place);
  EXPECT_FALSE(running.begin(place, 12).stop_requested());
  EXPECT_FALSE(running.end(place));
}

TEST(Running, AnInterruptThatComesFirstIsRemembered) {
  ManualClock clock;
  RunningRequests running(clock);
  RunningRequests::Place& place = running.take_place();
  EXPECT_FALSE(running.interrupt(10));
  EXPECT_FALSE(running.begin(place, 8).stop_requested());
  running.end(place);
  EXPECT_TRUE(running.begin(place, 10).stop_requested());
  running.end(place);
  EXPECT_FALSE(running.begin(place, 10).stop_requested()) << "once";
}

TEST(Running, AnInterruptOfSomethingLongOverIsForgotten) {
  ManualClock clock;
  RunningRequests running(clock);
  RunningRequests::Place& place = running.take_place();
  running.interrupt(10);
  clock.advance(std::chrono::seconds(11));
  EXPECT_FALSE(running.begin(place, 10).stop_requested());
}

TEST(Running, AStormOfStrayInterruptsStaysSmall) {
  ManualClock clock;
  RunningRequests running(clock);
  RunningRequests::Place& place = running.take_place();
  for (std::uint64_t unique = 2; unique <= 20000; unique += 2) running.interrupt(unique);
  EXPECT_FALSE(running.begin(place, 2).stop_requested()) << "the oldest gave way";
  running.end(place);
  EXPECT_TRUE(running.begin(place, 20000).stop_requested());
}

TEST(Running, NoInterruptIsLostBetweenReadAndBegin) {
  // One thread begins and ends requests, another interrupts each of them at about the same time.
  SystemClock clock;
  RunningRequests running(clock);
  RunningRequests::Place& place = running.take_place();
  constexpr std::uint64_t kLast = 4000;
  std::atomic<std::uint64_t> current = 0;
  std::jthread interrupter([&] {
    for (std::uint64_t unique = 2; unique <= kLast; unique += 2) {
      while (current.load() < unique) std::this_thread::yield();
      running.interrupt(unique);
    }
  });
  for (std::uint64_t unique = 2; unique <= kLast; unique += 2) {
    current = unique;
    const std::stop_token token = running.begin(place, unique);
    while (!token.stop_requested()) std::this_thread::yield();  // hangs if it was lost
    EXPECT_TRUE(running.end(place));
  }
}

TEST(Running, AnAbortStopsEverything) {
  ManualClock clock;
  RunningRequests running(clock);
  RunningRequests::Place &a = running.take_place(), &b = running.take_place();
  const std::stop_token token = running.begin(a, 10);
  running.interrupt_all();
  EXPECT_TRUE(token.stop_requested());
  EXPECT_FALSE(running.begin(b, 12).stop_requested());
}

TEST(Running, APlaceIsUsedAgain) {
  ManualClock clock;
  RunningRequests running(clock);
  RunningRequests::Place& a = running.take_place();
  running.give_back(a);
  EXPECT_EQ(&running.take_place(), &a);
}

AsideRequest aside(std::uint64_t unique, std::size_t bytes) { return {3, unique, {}, std::vector<std::byte>(bytes)}; }

TEST(Aside, FirstComeFirstServed) {
  SystemScheduler scheduler;
  AsideRequests requests(scheduler, LaneLimits{});
  EXPECT_TRUE(requests.is_empty());
  ASSERT_TRUE(requests.put(aside(1, 10)));
  ASSERT_TRUE(requests.put(aside(2, 10)));
  ASSERT_TRUE(requests.put(aside(3, 10)));
  EXPECT_EQ(requests.take(2)->unique, 2u);
  EXPECT_FALSE(requests.take(2).has_value());
  EXPECT_EQ(requests.take()->unique, 1u);
  EXPECT_EQ(requests.take()->unique, 3u);
  EXPECT_FALSE(requests.take().has_value());
  EXPECT_TRUE(requests.is_empty());
}

TEST(Aside, AFullQueueWaitsForRoom) {
  SystemScheduler scheduler;
  LaneLimits limits;
  limits.aside_bytes_max = 100;
  AsideRequests requests(scheduler, limits);
  ASSERT_TRUE(requests.put(aside(1, 500))) << "one always fits";
  std::atomic<bool> is_in = false;
  std::jthread putter([&] {
    EXPECT_TRUE(requests.put(aside(2, 60)));
    is_in = true;
  });
  EXPECT_EQ(requests.take()->unique, 1u);
  putter.join();
  EXPECT_TRUE(is_in);
  EXPECT_EQ(requests.take()->unique, 2u);
}

TEST(Aside, ClosingEndsTheWait) {
  SystemScheduler scheduler;
  LaneLimits limits;
  limits.aside_requests_max = 1;
  AsideRequests requests(scheduler, limits);
  ASSERT_TRUE(requests.put(aside(1, 1)));
  std::jthread putter([&] { EXPECT_EQ(requests.put(aside(2, 1)).error().code, Code::kInterrupted); });
  requests.close();
  putter.join();
  EXPECT_TRUE(requests.is_empty());
}

}  // namespace
}  // namespace headrace::fuse
