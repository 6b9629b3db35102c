// SPDX-License-Identifier: Apache-2.0
// Numbers for files.
#include "vfs/node_table.h"

#include <thread>

#include <gtest/gtest.h>

namespace headrace::vfs {
namespace {

TEST(NodeTable, EveryKindOfInodeComesBackFromItsNumber) {
  for (const Ino ino : {kRootIno, Ino{2}, Ino{(1ull << 46) - 1}, kTrashRoot, Ino{kTrashRoot.value() + 12345},
                        Ino{kVirtualInoBase.value() + 4}}) {
    for (const std::uint32_t incarnation : {0u, 1u, 32767u}) {
      const NodeId node = node_id(ino, incarnation);
      EXPECT_EQ(ino_of(node), ino);
      EXPECT_EQ(incarnation_of(node), incarnation);
    }
  }
  EXPECT_EQ(node_id(kRootIno, 0), 1u);  // FUSE_ROOT_ID
}

TEST(NodeTable, ANumberIsHeldUntilEveryLookupIsGivenBack) {
  NodeTable table;
  const NodeId node = table.remember(Ino{7});
  table.remember(Ino{7});
  EXPECT_FALSE(table.forget(node, 1));
  EXPECT_TRUE(table.is_held(node));
  EXPECT_TRUE(table.forget(node, 1));
  EXPECT_FALSE(table.is_held(node));
}

TEST(NodeTable, ARetiredNumberIsNotHandedOutWhileTheKernelHoldsIt) {
  NodeTable table;
  const NodeId first = table.remember(Ino{7});
  table.retire(first);
  const NodeId second = table.remember(Ino{7});
  EXPECT_NE(first, second);
  EXPECT_EQ(ino_of(second), Ino{7});
  EXPECT_FALSE(table.is_current(first));
  table.retire(second);
  const NodeId third = table.remember(Ino{7});
  EXPECT_NE(third, first);
  EXPECT_NE(third, second);
  EXPECT_EQ(table.held_of(Ino{7}, third), (std::vector<NodeId>{first, second}));
}

TEST(NodeTable, RetiringWhatIsNotCurrentChangesNothing) {
  NodeTable table;
  const NodeId first = table.remember(Ino{7});
  table.retire(first);
  const NodeId second = table.current(Ino{7});
  table.retire(first);
  EXPECT_EQ(table.current(Ino{7}), second);
}

TEST(NodeTable, ANumberFreeAgainIsUsedAgain) {
  NodeTable table;
  for (int i = 0; i < 100'000; ++i) {
    const NodeId node = table.remember(Ino{7});
    table.retire(node);
    table.forget(node, 1);
  }
  EXPECT_LT(incarnation_of(table.current(Ino{7})), 3u);
}

TEST(NodeTable, TheCachedVersionIsForgottenWithTheNumber) {
  NodeTable table;
  const NodeId node = table.remember(Ino{9});
  table.set_cached_version(node, 42);
  EXPECT_EQ(table.cached_version(node), 42u);
  table.forget(node, 1);
  table.remember(Ino{9});
  EXPECT_EQ(table.cached_version(node), 0u);
}

TEST(NodeTable, NumbersOfAnEarlierServerAreForgottenWithoutHarm) {
  NodeTable table;
  EXPECT_FALSE(table.forget(node_id(Ino{99}, 3), 5));
  EXPECT_EQ(table.held(), 0u);
}

TEST(NodeTable, ThreadsThatLookUpAndForgetLeaveNothingBehind) {
  NodeTable table;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&table] {
        for (std::uint64_t i = 0; i < 20'000; ++i) {
          const NodeId node = table.remember(Ino{2 + i % 50});
          if (i % 7 == 0) table.retire(node);
          table.forget(node, 1);
        }
      });
    }
  }
  EXPECT_EQ(table.held(), 0u);
}

TEST(NodeTable, ASuccessorGivesOutNoNumberOfThoseBeforeAndKnowsTheOnesItAdopted) {
  constexpr Ino kIno{7};
  NodeTable before;
  const NodeId old = before.remember(kIno), directory = before.remember(Ino{8}, false);
  NodeTable table(32);
  EXPECT_NE(table.remember(kIno), old);
  EXPECT_EQ(table.remember(Ino{8}, false), directory);
  EXPECT_FALSE(table.is_current(old));
  table.adopt(old);
  table.adopt(old);  // two handles
  EXPECT_EQ(table.held_of(kIno, table.current(kIno)), std::vector<NodeId>{old});
  EXPECT_EQ(table.held_of(Ino{8}, 0), std::vector<NodeId>{directory});
  EXPECT_TRUE(table.forget(old, 12)) << "with however many lookups";
  EXPECT_TRUE(table.held_of(kIno, table.current(kIno)).empty());
}

}  // namespace
}  // namespace headrace::vfs
