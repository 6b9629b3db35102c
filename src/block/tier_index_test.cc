// SPDX-License-Identifier: Apache-2.0
#include "block/tier_index.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block/file_source.h"
#include "block/node_file.h"

namespace headrace::block {
namespace {

constexpr std::uint64_t kMax = 16 * kSlabBytes;

class TierIndexTest : public testing::Test {
 protected:
  std::shared_ptr<CheckedCopy> put(std::uint64_t slice, std::uint32_t size) {
    const auto slot = index_->take_slot(size);
    if (!slot) return nullptr;
    auto copy = std::make_shared<CheckedCopy>(arena_, *slot, size);
    EXPECT_TRUE(copy->write(bytes_of(std::string(size, 'x'))));
    index_->insert(key(slice, size), copy);
    return copy;
  }
  static BlockKey key(std::uint64_t slice, std::uint32_t size) { return {SliceId{slice}, 0, size}; }
  std::shared_ptr<TierFile> make_file(const std::string& name, std::uint64_t length) {
    EXPECT_TRUE(index_->take_space(allocation_of(length)));
    auto file = std::make_shared<OwnFile>(CopyKey{name, length}, source_.new_file(length).value(), space_, index_);
    return index_->insert(std::move(file));
  }

  FileSource source_ = FileSource::open(kMax, "");
  std::shared_ptr<Space> space_ = std::make_shared<Space>(kMax);
  std::shared_ptr<Arena> arena_ = std::make_shared<Arena>(source_.new_file(Arena::file_bytes_for(kMax)).value(),
                                                          Arena::file_bytes_for(kMax), space_);
  std::shared_ptr<TierIndex> index_ = std::make_shared<TierIndex>(space_, arena_);
};

TEST_F(TierIndexTest, ThingsInUseAreStoodAroundHoweverManyThereAre) {
  std::vector<std::shared_ptr<CheckedCopy>> held;
  for (std::uint64_t slice = 1; slice <= 15; ++slice) held.push_back(put(slice, kSlabBytes));
  put(16, kSlabBytes);
  EXPECT_NE(put(17, kSlabBytes), nullptr);
  EXPECT_FALSE(index_->contains(key(16, kSlabBytes)));
  held.push_back(index_->find(key(17, kSlabBytes)));
  EXPECT_EQ(put(18, kSlabBytes), nullptr) << "all are in use";
  held.clear();
  EXPECT_NE(put(18, kSlabBytes), nullptr);
}

TEST_F(TierIndexTest, SmallThingsAreLetGoUntilTheirSlabIsFree) {
  for (std::uint64_t slice = 1; slice <= 16 * 16; ++slice) put(slice, 128u << 10);
  EXPECT_EQ(space_->used_bytes(), kMax);
  EXPECT_TRUE(index_->take_space(3 * kSlabBytes));
  EXPECT_EQ(index_->stats().blocks, 16u * 13);
  EXPECT_EQ(index_->stats().evictions, 16u * 3) << "not one more than needed";
}

TEST_F(TierIndexTest, FreeSlabsOfAnotherLengthAreTurnedIntoSpace) {
  for (std::uint64_t slice = 1; slice <= 8; ++slice) put(slice, 2 * kSlabBytes);
  EXPECT_NE(put(100, 3 * kSlabBytes), nullptr) << "rows of two do not fit three";
  EXPECT_EQ(index_->stats().blocks, 7u);
  EXPECT_LE(space_->used_bytes(), kMax);
}

TEST_F(TierIndexTest, OnlyTheVeryCopyThatWasFoundDamagedIsDropped) {
  const auto old = put(1, 1000);
  index_->drop_damaged(key(1, 1000), *old);
  const auto fresh = put(1, 1000);
  index_->drop_damaged(key(1, 1000), *old);
  EXPECT_EQ(index_->find(key(1, 1000)), fresh);
  EXPECT_EQ(index_->stats().damaged, 2u);
}

TEST_F(TierIndexTest, WhatIsAskedForIsWhatShrinkingSays) {
  make_file("a", 5 * kSlabBytes);
  const auto held = make_file("b", 4 * kSlabBytes);
  put(1, 2 * kSlabBytes);
  EXPECT_EQ(index_->shrink(1), 5 * kSlabBytes);
  EXPECT_EQ(space_->used_bytes(), 6 * kSlabBytes);
  EXPECT_EQ(index_->shrink(kMax), 2 * kSlabBytes);
  EXPECT_EQ(space_->used_bytes(), 4 * kSlabBytes);
}

TEST_F(TierIndexTest, MoreThanThereIsAtAllCostsNobodyAnything) {
  put(1, 1000);
  EXPECT_FALSE(index_->take_space(kMax + 1));
  EXPECT_FALSE(index_->take_slot(kMax + 1));
  EXPECT_TRUE(index_->contains(key(1, 1000)));
}

}  // namespace
}  // namespace headrace::block
