// SPDX-License-Identifier: Apache-2.0
// No number is given out twice, and whole batches are taken.
#include "records/id_pool.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace headrace::records {
namespace {

class Ids : public testing::Test {
 protected:
  std::int64_t counter(const char* name) {
    return engine_->read(Scope{}, {}, [&](RecordTxn& txn) { return get(txn, CounterKey{name}); })->value_or(0);
  }
  SystemScheduler scheduler_;
  std::unique_ptr<RecordEngine> engine_ = open_engine("memory://", {}, scheduler_).value();
};

TEST_F(Ids, AVolumesFirstNumbersAreThoseBehindTheRootAndTheHole) {
  IdPool pool(scheduler_, *engine_);
  EXPECT_EQ(pool.take(Scope{}, IdKind::kInode, 1)->first, 2u);
  EXPECT_EQ(pool.take(Scope{}, IdKind::kSlice, 1)->first, 1u);
  EXPECT_EQ(counter("nextInode"), 2 + static_cast<std::int64_t>(kInodeBatch));
  EXPECT_EQ(counter("nextChunk"), 1 + static_cast<std::int64_t>(kSliceBatch));
}

TEST_F(Ids, ABatchInHandServesUntilItIsUsedUp) {
  IdPool pool(scheduler_, *engine_);
  for (std::uint64_t i = 0; i < kInodeBatch; ++i) ASSERT_EQ(pool.take(Scope{}, IdKind::kInode, 1)->first, 2 + i);
  EXPECT_EQ(counter("nextInode"), 2 + static_cast<std::int64_t>(kInodeBatch));
  EXPECT_EQ(pool.take(Scope{}, IdKind::kInode, 1)->first, 2 + kInodeBatch);
  EXPECT_EQ(counter("nextInode"), 2 + 2 * static_cast<std::int64_t>(kInodeBatch));
}

TEST_F(Ids, AWishLargerThanABatchIsOneRangeAndTheBatchInHandStays) {
  IdPool pool(scheduler_, *engine_);
  ASSERT_EQ(pool.take(Scope{}, IdKind::kSlice, 10)->first, 1u);
  const IdRange large = pool.take(Scope{}, IdKind::kSlice, 3 * kSliceBatch).value();
  EXPECT_EQ(large.count, 3 * kSliceBatch);
  EXPECT_EQ(large.first, 1 + kSliceBatch);
  EXPECT_EQ(pool.take(Scope{}, IdKind::kSlice, 1)->first, 11u);
}

TEST_F(Ids, ClientsAndThreadsNeverShareANumber) {
  IdPool one(scheduler_, *engine_), other(scheduler_, *engine_);
  Mutex mutex;
  std::set<std::uint64_t> seen;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 6; ++thread) {
      threads.emplace_back([&, thread] {
        IdPool& pool = thread % 2 == 0 ? one : other;
        for (int i = 0; i < 500; ++i) {
          const Result<IdRange> range = pool.take(Scope{}, IdKind::kInode, 1 + static_cast<std::uint64_t>(thread));
          ASSERT_TRUE(range) << range.error().text();
          MutexLock lock(mutex);
          for (std::uint64_t id = range->first; id < range->first + range->count; ++id)
            EXPECT_TRUE(seen.insert(id).second) << id;
        }
      });
    }
  }
  EXPECT_EQ(seen.size(), 500u * (1 + 2 + 3 + 4 + 5 + 6));
  EXPECT_LT(*seen.rbegin(), static_cast<std::uint64_t>(counter("nextInode")));
}

TEST_F(Ids, AnEngineThatCannotWriteGivesNone) {
  const auto closed = open_engine("memory://", {}, scheduler_).value();
  ASSERT_TRUE(closed->close());
  IdPool pool(scheduler_, *closed);
  EXPECT_EQ(pool.take(Scope{}, IdKind::kInode, 1).code(), Code::kBadHandle);
  EXPECT_EQ(pool.take(Scope{}, IdKind::kInode, 1).code(), Code::kBadHandle)
      << "who failed must not leave the others waiting";
}

}  // namespace
}  // namespace headrace::records
