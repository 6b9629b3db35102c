// SPDX-License-Identifier: Apache-2.0
#include "meta/hold_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "meta/testing/test_volume.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;

constexpr Ino kFile{7};

class Holds : public ::testing::Test {
 protected:
  /// Tries to hold, without time to wait.
  bool can_hold() {
    Scope now;
    now.deadline = scheduler_.clock().now();
    const auto held = table_.add(now, kFile);
    if (held) EXPECT_FALSE(table_.drop(kFile));
    return held.has_value();
  }

  const Scope scope_;
  SystemScheduler scheduler_;
  HoldTable table_{scheduler_};
};

TEST_F(Holds, WhoIsToldNoKeepsOthersFromHolding) {
  RemovalMarks marks(table_, true);
  EXPECT_FALSE(marks.is_held(kFile));
  EXPECT_FALSE(can_hold());
  EXPECT_TRUE(marks.commit().empty());
  EXPECT_TRUE(can_hold()) << "the outcome is known, and the inode tells";
}

TEST_F(Holds, AFailedRemovalLetsThemIn) {
  {
    RemovalMarks marks(table_, true);
    EXPECT_FALSE(marks.is_held(kFile));
  }
  EXPECT_TRUE(can_hold());
}

TEST_F(Holds, ASecondRunOfAnOperationForgetsTheFirst) {
  RemovalMarks marks(table_, true);
  EXPECT_FALSE(marks.is_held(kFile));
  marks.reset();
  ASSERT_TRUE(table_.add(scope_, kFile));
  EXPECT_TRUE(marks.is_held(kFile));
  EXPECT_TRUE(marks.commit().empty());
  EXPECT_TRUE(table_.drop(kFile)) << "it is sustained, and this was the last hold";
}

TEST_F(Holds, TheLastHoldOfASustainedFileEndsIt) {
  ASSERT_TRUE(table_.add(scope_, kFile));
  ASSERT_TRUE(table_.add(scope_, kFile));
  {
    RemovalMarks marks(table_, true);
    EXPECT_TRUE(marks.is_held(kFile));
    EXPECT_TRUE(marks.commit().empty());
  }
  EXPECT_FALSE(table_.drop(kFile));
  EXPECT_TRUE(table_.drop(kFile));
  EXPECT_FALSE(can_hold()) << "it is being destroyed";
  table_.destroyed(kFile, true);
  EXPECT_TRUE(can_hold());
}

TEST_F(Holds, WhoeverComesLastEndsAFileThatWasLetGoDuringItsRemoval) {
  ASSERT_TRUE(table_.add(scope_, kFile));
  RemovalMarks marks(table_, true);
  EXPECT_TRUE(marks.is_held(kFile));
  EXPECT_FALSE(table_.drop(kFile)) << "the removal is in flight: it will see";
  EXPECT_EQ(marks.commit(), std::vector<Ino>{kFile});
  table_.destroyed(kFile, true);
}

TEST_F(Holds, AFileThatCouldNotBeDestroyedIsOfferedAgain) {
  table_.add_sustained(kFile);
  ASSERT_TRUE(table_.drop(kFile));
  EXPECT_TRUE(table_.take_orphans().empty()) << "somebody is at it";
  table_.destroyed(kFile, false);
  EXPECT_EQ(table_.take_orphans(), std::vector<Ino>{kFile});
  table_.destroyed(kFile, true);
  EXPECT_TRUE(table_.take_orphans().empty());
}

TEST_F(Holds, WithoutASessionNothingIsSustained) {
  ASSERT_TRUE(table_.add(scope_, kFile));
  RemovalMarks marks(table_, false);
  EXPECT_FALSE(marks.is_held(kFile));
  EXPECT_TRUE(marks.commit().empty());
  EXPECT_FALSE(table_.drop(kFile));
}

TEST_F(Holds, TheTableForgetsWhatNobodyHolds) {
  ASSERT_TRUE(table_.add(scope_, kFile));
  table_.note_alive(kFile);
  EXPECT_TRUE(table_.was_alive(kFile));
  EXPECT_EQ(table_.held_files(), 1u);
  EXPECT_FALSE(table_.drop(kFile));
  EXPECT_FALSE(table_.was_alive(kFile));
  EXPECT_EQ(table_.held_files(), 0u);
}

// Threads open, close and remove one name at once. Whoever got a hold reads the file until he lets go, and in the end
// nothing is left.
TEST(HoldRace, AHeldFileIsReadableAndNothingIsLeftOver) {
  TestVolume volume("memory");
  constexpr int kRounds = 300;
  std::atomic<int> held = 0, refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Ino file = volume.make_file(kRootIno, "a");
    std::atomic<bool> go = false;
    const auto reader = [&] {
      while (!go) std::this_thread::yield();
      const auto attr = volume->hold(Scope{}, file);
      if (!attr) {
        EXPECT_EQ(attr.code(), Code::kNotFound);
        ++refused;
        return;
      }
      ++held;
      EXPECT_TRUE(volume->getattr(Scope{}, file)) << "held, and gone";
      EXPECT_TRUE(volume->release(Scope{}, file));
    };
    std::jthread one(reader), two(reader), remover([&] {
      while (!go) std::this_thread::yield();
      EXPECT_TRUE(volume->unlink(Scope{}, root(), kRootIno, "a"));
    });
    go = true;
    one.join();
    two.join();
    remover.join();
    EXPECT_FALSE(volume.record(records::InodeKey{file}));
  }
  EXPECT_TRUE(volume.all(records::Whole::kSustained).empty());
  EXPECT_EQ(volume.all(records::Whole::kDeletedFiles).size(), static_cast<std::size_t>(kRounds));
  EXPECT_EQ(volume.counter("totalInodes"), 0);
  EXPECT_EQ(held + refused, 2 * kRounds);
}

}  // namespace
}  // namespace headrace::meta
