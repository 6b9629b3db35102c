// SPDX-License-Identifier: Apache-2.0
#include "block/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "object/testing/test_seed.h"

namespace headrace::block {
namespace {

class ArenaTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kMax = 32 * kSlabBytes;

  std::uint64_t allocated_bytes() const {
    struct stat status{};
    EXPECT_EQ(::fstat(fd_, &status), 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  UniqueFd make_file() {
    UniqueFd file(::memfd_create("arena", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(Arena::file_bytes_for(kMax))), 0);
    fd_ = file.get();
    return file;
  }
  void fill(const Slot& slot, char with) {
    const std::string bytes(slot.bytes, with);
    ASSERT_TRUE(arena_.write(slot.offset, bytes_of(bytes)));
  }

  int fd_ = -1;
  std::shared_ptr<Space> space_ = std::make_shared<Space>(kMax);
  Arena arena_{make_file(), Arena::file_bytes_for(kMax), space_};
};

TEST_F(ArenaTest, SlotsNeverOverlapAndWasteLittle) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  std::map<std::uint64_t, Slot> live;
  for (int i = 0; i < 5000; ++i) {
    if (!live.empty() && rng.below(2) == 0) {
      auto victim = live.lower_bound(rng.below(kMax));
      if (victim == live.end()) victim = live.begin();
      arena_.free(victim->second);
      live.erase(victim);
      continue;
    }
    const std::uint64_t bytes = 1 + rng.below(rng.below(4) == 0 ? 5 * kSlabBytes : 300'000);
    const std::optional<Slot> slot = arena_.allocate(bytes);
    if (!slot) continue;
    ASSERT_GE(slot->bytes, bytes);
    if (bytes >= 4096 && bytes <= kSlabBytes / 4) ASSERT_LE(slot->bytes, bytes + bytes / 4 + 4096) << bytes;
    const auto next = live.lower_bound(slot->offset);
    if (next != live.end()) ASSERT_LE(slot->offset + slot->bytes, next->first);
    if (next != live.begin()) ASSERT_LE(std::prev(next)->second.offset + std::prev(next)->second.bytes, slot->offset);
    live.emplace(slot->offset, *slot);
    ASSERT_LE(space_->used_bytes(), kMax);
  }
  for (const auto& [offset, slot] : live) arena_.free(slot);
  EXPECT_EQ(arena_.free_bytes(), space_->used_bytes()) << "all that is counted is free";
  arena_.release_free(kMax);
  EXPECT_EQ(space_->used_bytes(), 0u);
}

TEST_F(ArenaTest, WhatIsReleasedIsGivenBackToTheKernel) {
  const Slot big = arena_.allocate(4u << 20).value(), small = arena_.allocate(100'000).value();
  fill(big, 'b');
  fill(small, 's');
  EXPECT_EQ(space_->used_bytes(), 3 * kSlabBytes);
  EXPECT_GE(allocated_bytes(), (4u << 20) + 100'000u);
  arena_.free(big);
  EXPECT_EQ(space_->used_bytes(), 3 * kSlabBytes) << "kept for the next one";
  EXPECT_EQ(arena_.release_free(1), 2 * kSlabBytes);
  EXPECT_EQ(space_->used_bytes(), kSlabBytes);
  EXPECT_LT(allocated_bytes(), kSlabBytes);
  EXPECT_EQ(arena_.release_free(kMax), 0u) << "the small one's slab is in use";
  std::string back(small.bytes, '\0');
  ASSERT_TRUE(arena_.read(small.offset, std::as_writable_bytes(std::span(back))));
  EXPECT_EQ(back, std::string(small.bytes, 's'));
}

TEST_F(ArenaTest, AFreedSlotIsUsedAgainBeforeNewSpaceIsTaken) {
  const Slot first = arena_.allocate(4u << 20).value();
  arena_.free(first);
  EXPECT_EQ(arena_.allocate((4u << 20) - 5)->offset, first.offset);
  const Slot small = arena_.allocate(5000).value();
  ASSERT_TRUE(arena_.allocate(5000));
  arena_.free(small);
  const std::uint64_t used = space_->used_bytes();
  EXPECT_EQ(arena_.allocate(5000)->offset, small.offset);
  EXPECT_EQ(space_->used_bytes(), used);
}

TEST_F(ArenaTest, WithoutSpaceThereIsNoNewSlab) {
  ASSERT_TRUE(space_->try_take(kMax - kSlabBytes));
  EXPECT_FALSE(arena_.allocate(kSlabBytes + 1));
  const auto one = arena_.allocate(kSlabBytes / 2);
  EXPECT_TRUE(one);
  EXPECT_TRUE(arena_.allocate(kSlabBytes / 2)) << "the other half";
  EXPECT_FALSE(arena_.allocate(1));
  space_->give_back(kMax - kSlabBytes);
}

TEST_F(ArenaTest, OffsetsLastHoweverSizesChange) {
  // Fills the space with rows of one length, frees and releases all, and goes on with another length, for long.
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t slabs = 1 + static_cast<std::uint64_t>(round) % 8;
    std::vector<Slot> slots;
    while (const auto slot = arena_.allocate(slabs * kSlabBytes)) slots.push_back(*slot);
    ASSERT_EQ(slots.size(), 32 / slabs) << "round " << round;
    for (const Slot& slot : slots) arena_.free(slot);
    arena_.release_free(kMax);
  }
}

}  // namespace
}  // namespace headrace::block
