// SPDX-License-Identifier: Apache-2.0
#include "block/node_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "block/file_source.h"

namespace headrace::block {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;

TEST(NodeFile, ManyWhoFillTheSameUnitsCompleteTheCopyOnce) {
  const FileSource source = FileSource::open(256 * kMiB, "");
  const auto space = std::make_shared<Space>(256 * kMiB);
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t length = 6 * kFillUnit - 3;
    ASSERT_TRUE(space->try_take(allocation_of(length)));
    OwnFile file({"a", length}, source.new_file(length).value(), space, {});
    const std::string unit(kFillUnit, 'x');
    std::atomic<int> too_early{0};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
          for (std::uint64_t at = 0; at < length; at += kFillUnit) {
            ASSERT_TRUE(file.fill(at, bytes_of(unit).first(std::min(kFillUnit, length - at))));
            if (file.is_complete() && !file.has(0, length)) ++too_early;
          }
        });
      }
    }
    EXPECT_TRUE(file.is_complete());
    EXPECT_EQ(too_early, 0);
    std::string back(length, '\0');
    ASSERT_TRUE(file.read(0, std::as_writable_bytes(std::span(back))));
    EXPECT_EQ(back, std::string(length, 'x'));
  }
  EXPECT_EQ(space->used_bytes(), 0u);
}

TEST(NodeFile, AFullPlaceDropsTheCopyAndLaterUnitsMayStillBeRead) {
  // The tier believes in more room than its tmpfs has.
  const FileSource source = FileSource::open(1 * kMiB, "");
  if (!source.place().starts_with("tmpfs")) GTEST_SKIP() << "may not make a tmpfs: " << source.shortcoming();
  const std::uint64_t length = 200 * kMiB;
  const auto space = std::make_shared<Space>(1024 * kMiB);
  const auto arena =
      std::make_shared<Arena>(source.new_file(Arena::file_bytes_for(kMiB)).value(), Arena::file_bytes_for(kMiB), space);
  const auto index = std::make_shared<TierIndex>(space, arena);
  ASSERT_TRUE(index->take_space(allocation_of(length)));
  const auto file =
      index->insert(std::make_shared<OwnFile>(CopyKey{"a", length}, source.new_file(length).value(), space, index));
  const std::string unit(kFillUnit, 'x');
  Result<void> filled;
  std::uint64_t at = 0;
  for (; filled && at < length; at += kFillUnit) filled = file->fill(at, bytes_of(unit));
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.code(), Code::kNoSpace);
  EXPECT_EQ(index->find(CopyKey{"a", length}), nullptr);
  EXPECT_FALSE(file->is_complete());
  EXPECT_TRUE(file->has(0, kFillUnit));
  EXPECT_FALSE(file->has(at - kFillUnit, 1)) << "the unit that did not fit";
  EXPECT_EQ(space->forgotten_bytes, allocation_of(length));
}

}  // namespace
}  // namespace headrace::block
