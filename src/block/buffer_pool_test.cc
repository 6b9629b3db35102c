// SPDX-License-Identifier: Apache-2.0
#include "block/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace headrace::block {
namespace {

constexpr std::size_t kBlock = 4u << 20;

class BufferPoolTest : public testing::Test {
 protected:
  SystemScheduler scheduler_;
  Budget budget_{scheduler_, 64u << 20};
  BufferPool pool_{budget_, kBlock};
};

TEST_F(BufferPoolTest, ABufferCostsTheBudgetItsWholeSizeUntilItEnds) {
  {
    const Buffer small = pool_.take(Scope{}, 1).value(), middle = pool_.take(Scope{}, 65'537).value(),
                 large = pool_.take(Scope{}, kBlock).value();
    EXPECT_EQ(small.capacity(), 64u << 10);
    EXPECT_EQ(middle.capacity(), 512u << 10);
    EXPECT_EQ(large.capacity(), kBlock);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data()) % (2u << 20), 0u);
    EXPECT_EQ(budget_.used_bytes(), (64u << 10) + (512u << 10) + kBlock);
    EXPECT_EQ(pool_.used_bytes(), budget_.used_bytes());
  }
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(BufferPoolTest, ABufferIsUsedAgain) {
  Buffer first = pool_.take(Scope{}, kBlock).value();
  const std::byte* const data = first.data();
  first.release();
  EXPECT_EQ(pool_.take(Scope{}, kBlock).value().data(), data);
}

TEST_F(BufferPoolTest, WhatLiesIdleIsGivenBackAsUseFalls) {
  {
    std::vector<Buffer> many;
    for (int i = 0; i < 14; ++i) {
      many.push_back(pool_.take(Scope{}, kBlock).value());
      std::memset(many.back().data(), 'x', kBlock);
    }
  }
  EXPECT_LE(pool_.idle_bytes(), 2 * kBlock);
}

TEST_F(BufferPoolTest, AFullBudgetIsWaitedForOrRefused) {
  std::vector<Buffer> all;
  for (int i = 0; i < 16; ++i) all.push_back(pool_.take(Scope{}, kBlock).value());
  EXPECT_TRUE(pool_.try_take(1).is_empty());
  EXPECT_EQ(pool_.take(Scope{scheduler_.clock().now() + std::chrono::milliseconds(5), {}}, 1).error().code,
            Code::kTimedOut);
  std::jthread waiter([&] { EXPECT_TRUE(pool_.take(Scope{}, kBlock)); });
  while (budget_.waiting() == 0) std::this_thread::yield();
  all.pop_back();
}

TEST_F(BufferPoolTest, SeveralComeTogetherOrNotAtAll) {
  const std::vector<std::size_t> sizes(10, kBlock), too_many(17, kBlock);
  EXPECT_EQ(pool_.take_all(Scope{}, too_many).error().code, Code::kInvalid);
  std::vector<Buffer> ten = pool_.take_all(Scope{}, sizes).value();
  EXPECT_EQ(budget_.used_bytes(), 10 * kBlock);
  EXPECT_EQ(pool_.take_all(Scope{scheduler_.clock().now() + std::chrono::milliseconds(5), {}}, sizes).error().code,
            Code::kTimedOut);
  EXPECT_EQ(budget_.used_bytes(), 10 * kBlock) << "nothing is held by who waits";
  ten.pop_back();
  EXPECT_EQ(budget_.used_bytes(), 9 * kBlock) << "each gives its own part back";
}

TEST_F(BufferPoolTest, ATakerThatMayBeDroppedLeavesATenth) {
  std::vector<Buffer> taken;
  while (true) {
    Buffer buffer = pool_.try_take(kBlock);
    if (buffer.is_empty()) break;
    taken.push_back(std::move(buffer));
  }
  EXPECT_EQ(taken.size(), 14u);
  EXPECT_TRUE(pool_.take(Scope{}, kBlock));
}

TEST(BufferPool, SmallBlocksHaveSmallBuffers) {
  SystemScheduler scheduler;
  Budget budget(scheduler, 1u << 20);
  BufferPool pool(budget, 10'000);
  EXPECT_EQ(pool.take(Scope{}, 10'000).value().capacity(), 12'288u);
}

}  // namespace
}  // namespace headrace::block
