// SPDX-License-Identifier: Apache-2.0
#include "object/faulty_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "object/memory_store.h"

namespace headrace::object {
namespace {

class FaultyStoreTest : public testing::Test {
 protected:
  FaultyStoreTest() {
    const ByteSpan part = bytes_of("0123456789");
    EXPECT_TRUE(memory_.put(Scope{}, "key", std::span(&part, 1)));
  }
  Result<std::string> get() {
    std::string bytes(10, '?');
    TRY(const GetResult got, store_.get(Scope{}, "key", 0, std::as_writable_bytes(std::span(bytes))));
    return bytes.substr(0, got.bytes);
  }
  Result<void> put(const std::string& key) {
    const ByteSpan part = bytes_of("x");
    return store_.put(Scope{}, key, std::span(&part, 1));
  }

  SystemScheduler scheduler_;
  MemoryStore memory_{scheduler_.clock()};
  FaultyStore store_{memory_, scheduler_, 7};
};

TEST_F(FaultyStoreTest, FaultsKeepToTheirMethodKeyAndTurn) {
  const auto fault =
      store_.add({.method = Method::kPut, .key_contains = "b", .skip = 1, .times = 2, .code = Code::kThrottled});
  EXPECT_TRUE(put("a"));
  EXPECT_TRUE(put("b1"));
  EXPECT_EQ(put("b2").error().code, Code::kThrottled);
  EXPECT_TRUE(store_.head(Scope{}, "b1"));
  EXPECT_EQ(put("b3").error().code, Code::kThrottled);
  EXPECT_TRUE(put("b4"));
  EXPECT_EQ(store_.fired(fault), 2u);
}

TEST_F(FaultyStoreTest, AnErrorBeforeHasNoEffectAndOneAfterHas) {
  store_.add({.kind = FaultKind::kErrorBefore, .key_contains = "before"});
  store_.add({.kind = FaultKind::kErrorAfter, .key_contains = "after"});
  EXPECT_FALSE(put("before"));
  EXPECT_FALSE(put("after"));
  EXPECT_FALSE(memory_.head(Scope{}, "before"));
  EXPECT_TRUE(memory_.head(Scope{}, "after"));
}

TEST_F(FaultyStoreTest, AnswersCanBeShortAndWrong) {
  const auto corrupt = store_.add({.kind = FaultKind::kCorrupt, .times = 1, .at = 3});
  EXPECT_EQ(get().value(), "012#456789");
  const auto cut = store_.add({.kind = FaultKind::kShort, .times = 1, .at = 4});
  EXPECT_EQ(get().value(), "0123");
  EXPECT_EQ(get().value(), "0123456789");
  EXPECT_EQ(store_.fired(corrupt) + store_.fired(cut), 2u);
}

TEST_F(FaultyStoreTest, AFullBucketTakesNothingAndStillGives) {
  store_.add({.kind = FaultKind::kFull});
  EXPECT_EQ(put("more").error().code, Code::kNoSpace);
  EXPECT_TRUE(get());
}

TEST_F(FaultyStoreTest, HeldRequestsWaitUntilTheyAreLetGo) {
  const auto fault = store_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  {
    std::jthread one([&] { EXPECT_TRUE(get()); }), two([&] { EXPECT_TRUE(get()); });
    ASSERT_TRUE(store_.wait_for_held(Scope{}, 2));
    EXPECT_EQ(store_.most_at_once(Method::kGet), 2u);
    store_.end(fault);
  }
  EXPECT_EQ(store_.held(), 0u);
  EXPECT_EQ(store_.fired(fault), 2u);
}

TEST_F(FaultyStoreTest, ADelayCountsAgainstTheDeadline) {
  store_.add({.kind = FaultKind::kDelay, .delay = std::chrono::hours(1)});
  const Scope scope{scheduler_.clock().now() + std::chrono::milliseconds(5), {}};
  EXPECT_EQ(store_.head(scope, "key").error().code, Code::kTimedOut);
}

TEST_F(FaultyStoreTest, TheSameSeedGivesTheSameFaults) {
  const auto pattern = [&](std::uint64_t seed) {
    FaultyStore store(memory_, scheduler_, seed);
    store.add({.probability = 0.5});
    std::string text;
    for (int i = 0; i < 64; ++i) text += store.head(Scope{}, "key") ? '.' : 'x';
    return text;
  };
  EXPECT_EQ(pattern(1), pattern(1));
  EXPECT_NE(pattern(1), pattern(2));
}

}  // namespace
}  // namespace headrace::object
