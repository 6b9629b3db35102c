// SPDX-License-Identifier: Apache-2.0
#include "records/metered_engine.h"

#include <gtest/gtest.h>

namespace headrace::records {
namespace {

TEST(MeteredEngine, EachOperationIsCountedOnceAndAnsweredAsItIs) {
  SystemScheduler scheduler;
  metrics::Registry registry({});
  metrics::Histogram& durations = registry.histogram("juicefs_meta_ops_durations_histogram_seconds");
  const auto engine = metered(open_engine("memory://", {}, scheduler).value(), durations, scheduler.clock());
  ASSERT_TRUE(engine->run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
    put(txn, CounterKey{"nextTrash"}, 7);
    return {};
  }));
  EXPECT_EQ(engine->read(Scope{}, {}, [](RecordTxn& txn) { return get(txn, CounterKey{"nextTrash"}); })->value(), 7);
  EXPECT_EQ(engine->read(Scope{}, {}, [](RecordTxn&) -> Result<void> { return Code::kNotFound; }).code(),
            Code::kNotFound);
  EXPECT_EQ(durations.counts().count(), 3u);
  EXPECT_EQ(engine->traits().name, "memory");
  EXPECT_EQ(engine->reserve(Scope{}, IdKind::kInode, 1)->count, 1u);
  ASSERT_TRUE(engine->close());
  EXPECT_EQ(engine->read(Scope{}, {}, [](RecordTxn& txn) { return get(txn, CounterKey{"nextTrash"}); }).code(),
            Code::kBadHandle);
}

}  // namespace
}  // namespace headrace::records
