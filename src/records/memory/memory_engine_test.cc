// SPDX-License-Identifier: Apache-2.0
// The memory engine, beyond what every engine does.
#include "records/memory/memory_engine.h"

#include <gtest/gtest.h>

namespace headrace::records {
namespace {

TEST(MemoryEngine, OpensByItsUrlAndRefusesAPath) {
  SystemScheduler scheduler;
  EXPECT_TRUE(open_engine("memory://", {}, scheduler).has_value());
  EXPECT_EQ(open_engine("memory://x", {}, scheduler).code(), Code::kInvalid);
  EXPECT_EQ(open_engine("mysql://x", {}, scheduler).code(), Code::kInvalid);
}

TEST(MemoryEngine, TwoEnginesShareNothing) {
  SystemScheduler scheduler;
  const auto one = open_memory_engine({}, scheduler);
  const auto other = open_memory_engine({}, scheduler);
  const CounterKey key{"usedSpace"};
  ASSERT_TRUE(one->run(Scope{}, Commit::kVisible, {}, [&](RecordTxn& txn) -> Result<void> {
    put(txn, key, 5);
    return {};
  }));
  const auto seen = other->read(Scope{}, {}, [&](RecordTxn& txn) { return get(txn, key); });
  ASSERT_TRUE(seen);
  EXPECT_FALSE(seen->has_value());
}

TEST(MemoryEngine, WhenReadOnlyNothingIsWritten) {
  SystemScheduler scheduler;
  OpenOptions options;
  options.read_only = true;
  const auto engine = open_memory_engine(options, scheduler);
  const Result<void> ran = engine->run(Scope{}, Commit::kVisible, {}, [](RecordTxn&) -> Result<void> { return {}; });
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.code(), Code::kReadOnly);
}

}  // namespace
}  // namespace headrace::records
