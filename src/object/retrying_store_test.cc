// SPDX-License-Identifier: Apache-2.0
#include "object/retrying_store.h"

#include <gtest/gtest.h>

#include "base/testing/jumping_scheduler.h"
#include "object/faulty_store.h"
#include "object/memory_store.h"
#include "object/testing/conformance.h"

namespace headrace::object {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RetryingStoreTest : public testing::Test {
 protected:
  Result<void> put(const std::string& key, Duration limit = seconds(60)) {
    const ByteSpan part = bytes_of("bytes");
    return store_.put(within(limit), key, std::span(&part, 1));
  }
  Result<GetResult> get(const std::string& key, Duration limit = seconds(60)) {
    return store_.get(within(limit), key, 0, into_);
  }
  Scope within(Duration limit) { return Scope{scheduler_.clock().now() + limit, {}}; }

  std::byte into_[16];
  JumpingScheduler scheduler_;
  MemoryStore memory_{scheduler_.clock()};
  FaultyStore faulty_{memory_, scheduler_, 1};
  RetryingStore store_{faulty_, scheduler_, 2};
};

TEST_F(RetryingStoreTest, APassingFaultIsNotSeen) {
  const auto fault = faulty_.add({.times = 6, .code = Code::kTransient});
  EXPECT_TRUE(put("key"));
  EXPECT_EQ(faulty_.fired(fault), 6u);
  EXPECT_EQ(store_.stats().attempts, 7u);
  EXPECT_EQ(store_.stats().retries, 6u);
  EXPECT_GT(scheduler_.elapsed(), milliseconds(0));
}

class RetryObserver final : public RequestObserver {
 public:
  void on_request(Method, double, std::uint64_t, std::optional<Code>) override {}
  void on_retry(Method method) override { retried.push_back(method); }
  std::vector<Method> retried;
};

TEST_F(RetryingStoreTest, AnObserverIsToldOfEachRetryByItsMethod) {
  RetryObserver observer;
  RetryingStore store(faulty_, scheduler_, 2, {}, &observer);
  faulty_.add({.times = 2, .code = Code::kTransient});
  const ByteSpan part = bytes_of("bytes");
  EXPECT_TRUE(store.put(within(seconds(60)), "key", std::span(&part, 1)));
  EXPECT_TRUE(store.get(within(seconds(60)), "key", 0, into_));
  EXPECT_EQ(observer.retried, (std::vector{Method::kPut, Method::kPut}));
}

TEST_F(RetryingStoreTest, AnAnswerLostAfterItsEffectIsRepeated) {
  const auto fault = faulty_.add({.kind = FaultKind::kErrorAfter, .times = 1, .code = Code::kTimedOut});
  EXPECT_TRUE(put("key"));
  EXPECT_EQ(faulty_.fired(fault), 1u);
  EXPECT_EQ(memory_.object_count(), 1u);
}

TEST_F(RetryingStoreTest, WhatWillNotChangeIsNotTriedAgain) {
  for (const Code code : {Code::kNotFound, Code::kUnauthorized, Code::kNoSpace, Code::kInvalid, Code::kIo}) {
    const auto fault = faulty_.add({.code = code});
    EXPECT_EQ(get("key").error().code, code);
    EXPECT_EQ(faulty_.fired(fault), 1u) << name_of(code);
    faulty_.end(fault);
  }
  EXPECT_EQ(store_.stats().retries, 0u);
}

TEST_F(RetryingStoreTest, ALongOutageEndsAtTheDeadlineWithItsOwnError) {
  faulty_.add({.code = Code::kThrottled});
  EXPECT_EQ(get("key", seconds(20)).error().code, Code::kThrottled);
  EXPECT_LE(scheduler_.elapsed(), seconds(20));
  EXPECT_GT(scheduler_.elapsed(), seconds(5)) << "it gave up too early";
  EXPECT_EQ(store_.stats().out_of_time, 1u);
}

TEST_F(RetryingStoreTest, WithoutADeadlineARequestStillEnds) {
  faulty_.add({.code = Code::kTransient});
  EXPECT_FALSE(store_.get(Scope{}, "key", 0, into_));
  EXPECT_LE(scheduler_.elapsed(), std::chrono::minutes(10));
}

TEST_F(RetryingStoreTest, ManyFailuresTogetherEmptyTheBudget) {
  faulty_.add({.code = Code::kTransient});
  for (int i = 0; i < 40; ++i) EXPECT_FALSE(get("key", seconds(10)));
  EXPECT_GT(store_.stats().out_of_tokens, 0u);
  EXPECT_EQ(store_.stats().retries, 100u) << "500 tokens at 5 each";
  const std::uint64_t before = store_.stats().attempts;
  EXPECT_FALSE(get("key"));
  EXPECT_EQ(store_.stats().attempts, before + 1) << "first attempts are never refused";
}

TEST_F(RetryingStoreTest, AnAttemptIsEndedSoThatAnotherCanBegin) {
  ASSERT_TRUE(put("key"));
  const auto fault = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet, .times = 1});
  EXPECT_TRUE(get("key", seconds(200)));
  EXPECT_EQ(faulty_.fired(fault), 1u);
  EXPECT_GE(scheduler_.elapsed(), seconds(60));
  EXPECT_LT(scheduler_.elapsed(), seconds(61));
}

TEST_F(RetryingStoreTest, ADamagedAnswerIsAskedForOnceMore) {
  ASSERT_TRUE(put("key"));
  const auto fault =
      faulty_.add({.kind = FaultKind::kErrorAfter, .method = Method::kGet, .times = 1, .code = Code::kDamaged});
  EXPECT_TRUE(get("key"));
  EXPECT_EQ(faulty_.fired(fault), 1u);
  ASSERT_TRUE(memory_.damage("key", 3));
  const std::uint64_t before = faulty_.requests(Method::kGet);
  EXPECT_EQ(get("key").error().code, Code::kDamaged);
  EXPECT_EQ(faulty_.requests(Method::kGet), before + 2) << "the same copy is not asked a third time";
}

TEST_F(RetryingStoreTest, WhoIsStoppedDoesNotTryAgain) {
  std::stop_source stop;
  const auto fault = faulty_.add({.code = Code::kTransient});
  stop.request_stop();
  EXPECT_EQ(store_.get(Scope{scheduler_.clock().now() + seconds(10), stop.get_token()}, "key", 0, into_).error().code,
            Code::kInterrupted);
  EXPECT_EQ(faulty_.fired(fault), 0u);
}

}  // namespace
}  // namespace headrace::object
