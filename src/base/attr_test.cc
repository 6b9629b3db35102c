// SPDX-License-Identifier: Apache-2.0
#include "base/attr.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <limits>

namespace headrace {
namespace {

TEST(FileType, AndTheBitsOfAModeNameEachOther) {
  for (int number = 1; number <= 7; ++number) {
    const auto type = static_cast<FileType>(number);
    EXPECT_EQ(type_of_mode(mode_bits_of(type) | 0755), type);
    EXPECT_EQ(mode_bits_of(type) & ~static_cast<unsigned>(S_IFMT), 0u);
  }
  EXPECT_EQ(type_of_mode(0644), FileType::kRegular) << "mknod without a type makes a file";
}

TEST(FileType, TheNumbersAreTheStoredOnes) {
  EXPECT_EQ(static_cast<int>(FileType::kRegular), 1);
  EXPECT_EQ(static_cast<int>(FileType::kDirectory), 2);
  EXPECT_EQ(static_cast<int>(FileType::kSymlink), 3);
  EXPECT_EQ(static_cast<int>(FileType::kSocket), 7);
}

TEST(Timestamp, TheSpanBetweenTwoIsExactAndSaturates) {
  EXPECT_EQ(nanoseconds_between({1, 999'999'999}, {2, 0}), 1);
  EXPECT_EQ(nanoseconds_between({2, 0}, {1, 999'999'999}), -1);
  EXPECT_EQ(nanoseconds_between({-1, 500}, {1, 0}), 1'999'999'500);
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max(),
                         kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(nanoseconds_between({kMin, 0}, {kMax, 0}), kMax);
  EXPECT_EQ(nanoseconds_between({kMax, 0}, {kMin, 0}), kMin);
}

TEST(Timestamp, TheLaterOneIsGreater) {
  EXPECT_LT((Timestamp{1, 5}), (Timestamp{1, 6}));
  EXPECT_LT((Timestamp{1, 999'999'999}), (Timestamp{2, 0}));
}

TEST(Space, AFileIsRoundedUpAndNeverFree) {
  EXPECT_EQ(space_of_length(0), 4096u);
  EXPECT_EQ(space_of_length(1), 4096u);
  EXPECT_EQ(space_of_length(4096), 4096u);
  EXPECT_EQ(space_of_length(4097), 8192u);
  Attr directory;
  directory.type = FileType::kDirectory;
  directory.length = 1 << 20;
  EXPECT_EQ(space_of(directory), 4096u);
}

TEST(Caller, IsInItsOwnGroupAndInThoseItBrings) {
  Caller caller;
  caller.uid = 1000;
  caller.gid = 100;
  caller.groups = {7, 8};
  EXPECT_TRUE(caller.is_in_group(100));
  EXPECT_TRUE(caller.is_in_group(8));
  EXPECT_FALSE(caller.is_in_group(9));
  EXPECT_FALSE(caller.is_root());
}

}  // namespace
}  // namespace headrace
