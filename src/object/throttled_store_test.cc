// SPDX-License-Identifier: Apache-2.0
#include "object/throttled_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/testing/jumping_scheduler.h"
#include "object/faulty_store.h"
#include "object/memory_store.h"

namespace headrace::object {
namespace {

using std::chrono::milliseconds;

class ThrottledStoreTest : public testing::Test {
 protected:
  void put(const ThrottleOptions& options, std::size_t bytes) {
    ThrottledStore store(memory_, scheduler_, options);
    const std::string content(bytes, 'x');
    const ByteSpan part = bytes_of(content);
    EXPECT_TRUE(store.put(Scope{}, "key", std::span(&part, 1)));
  }
  JumpingScheduler scheduler_;
  MemoryStore memory_{scheduler_.clock()};
};

TEST_F(ThrottledStoreTest, ARequestTakesItsLatencyAndItsConnectionsRate) {
  put({.latency = milliseconds(30), .connection_bytes_per_second = 50'000'000}, 5'000'000);
  EXPECT_EQ(scheduler_.elapsed(), milliseconds(130));
  ThrottledStore store(memory_, scheduler_, {.latency = milliseconds(30), .connection_bytes_per_second = 50'000'000});
  std::string into(1'000'000, '\0');
  EXPECT_TRUE(store.get(Scope{}, "key", 0, std::as_writable_bytes(std::span(into))));
  EXPECT_EQ(scheduler_.elapsed(), milliseconds(180)) << "a range pays for its own bytes";
}

TEST_F(ThrottledStoreTest, AllTogetherStayBelowTheCap) {
  ThrottledStore store(memory_, scheduler_, {.bytes_per_second = 10'000'000, .burst_bytes = 1'000'000});
  const std::string content(500'000, 'x');
  const ByteSpan part = bytes_of(content);
  scheduler_.manual_clock().advance(std::chrono::seconds(60));
  const Duration before = scheduler_.elapsed();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(store.put(Scope{}, "key", std::span(&part, 1)));
  EXPECT_EQ(scheduler_.elapsed(), before) << "a burst after a silence";
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(store.put(Scope{}, "key", std::span(&part, 1)));
  EXPECT_EQ(scheduler_.elapsed() - before, milliseconds(1000)) << "10 MB more at 10 MB/s";
}

TEST_F(ThrottledStoreTest, ADeadlineEndsAPause) {
  ThrottledStore store(memory_, scheduler_, {.latency = std::chrono::hours(1)});
  EXPECT_EQ(store.head(Scope{scheduler_.clock().now() + milliseconds(7), {}}, "key").error().code, Code::kTimedOut);
  EXPECT_EQ(scheduler_.elapsed(), milliseconds(7));
}

TEST(ThrottledStore, NoMoreRequestsRunThanThereAreConnections) {
  SystemScheduler scheduler;
  MemoryStore memory(scheduler.clock());
  FaultyStore below(memory, scheduler, 1);
  ThrottledStore store(below, scheduler, {.connections_max = 2});
  const auto fault = below.add({.kind = FaultKind::kHold, .times = 2});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) threads.emplace_back([&] { (void)store.head(Scope{}, "key"); });
    ASSERT_TRUE(below.wait_for_held(Scope{}, 2));
    EXPECT_EQ(store.head(Scope{scheduler.clock().now() + milliseconds(5), {}}, "key").error().code, Code::kTimedOut)
        << "no connection is free";
    below.end(fault);
  }
  EXPECT_EQ(below.requests(Method::kHead), 6u);
  EXPECT_EQ(below.most_at_once(Method::kHead), 2u);
}

}  // namespace
}  // namespace headrace::object
