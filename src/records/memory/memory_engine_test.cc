// SPDX-License-Identifier: Apache-2.0
// The memory engine, beyond what every engine does.
#include "records/memory/memory_engine.h"

#include <gtest/gtest.h>

#include "records/testing/conformance.h"
#include "records/testing/conformance_batches.h"

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

struct MemoryFactory {
  static constexpr bool kIsShared = false;
  std::unique_ptr<RecordEngine> open(const OpenOptions& options = {}) { return open_memory_engine(options, scheduler); }
  SystemScheduler scheduler;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, EngineRecords, MemoryFactory);
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, EngineBatches, MemoryFactory);

}  // namespace
}  // namespace headrace::records
