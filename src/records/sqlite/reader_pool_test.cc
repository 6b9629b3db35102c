// SPDX-License-Identifier: Apache-2.0
// Connections are used again, there are never more than allowed, and closing waits for those that are out.
#include "records/sqlite/reader_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "records/sqlite/database.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

class Pool : public testing::Test {
 protected:
  Scope within(int milliseconds) { return {scheduler_.clock().now() + std::chrono::milliseconds(milliseconds), {}}; }

  SystemScheduler scheduler_;
  TempFolder folder_;
  std::unique_ptr<SqliteDatabase> database_ =
      SqliteDatabase::open({folder_.file("volume.db"), "jfs_"}, OpenOptions{true, false, nullptr}, scheduler_).value();
  std::atomic<int> connected_ = 0;
  ReaderPool pool_{scheduler_,
                   [this]() -> Result<std::unique_ptr<Connection>> {
                     ++connected_;
                     return database_->connect();
                   },
                   2};
};

TEST_F(Pool, AConnectionThatCameBackIsUsedAgain) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(pool_.take(Scope{}));
  EXPECT_EQ(connected_, 1);
}

TEST_F(Pool, WhoComesWhenAllAreOutWaitsForOne) {
  std::optional<ReaderPool::Lease> first(pool_.take(Scope{}).value());
  const ReaderPool::Lease second = pool_.take(Scope{}).value();
  EXPECT_EQ(pool_.take(within(10)).code(), Code::kTimedOut);
  std::jthread returns([&] { first.reset(); });
  EXPECT_TRUE(pool_.take(within(10'000)));
  EXPECT_EQ(connected_, 2);
}

TEST_F(Pool, ThoseOutAreWaitedForAndLaterOnesAreNot) {
  std::optional<ReaderPool::Lease> early(pool_.take(Scope{}).value());
  EXPECT_EQ(pool_.wait_for_those_out(within(10)).code(), Code::kTimedOut);
  std::optional<ReaderPool::Lease> late;
  std::jthread changes([&] {
    late.emplace(pool_.take(Scope{}).value());
    early.reset();
  });
  EXPECT_TRUE(pool_.wait_for_those_out(within(10'000)));
  changes.join();
}

TEST_F(Pool, AConnectionThatCannotBeMadeTakesNoPlace) {
  bool is_broken = true;
  ReaderPool pool(
      scheduler_,
      [&]() -> Result<std::unique_ptr<Connection>> {
        if (is_broken) return Code::kIo;
        return database_->connect();
      },
      1);
  EXPECT_EQ(pool.take(within(1000)).code(), Code::kIo);
  is_broken = false;
  EXPECT_TRUE(pool.take(within(1000)));
  pool.close();
}

TEST_F(Pool, AClosedOneGivesNone) {
  ASSERT_TRUE(pool_.take(Scope{}));
  pool_.close();
  EXPECT_EQ(pool_.take(Scope{}).code(), Code::kBadHandle);
}

}  // namespace
}  // namespace headrace::records
