// SPDX-License-Identifier: Apache-2.0
#include "object/key.h"

#include <gtest/gtest.h>

namespace headrace::object {
namespace {

TEST(Key, DotsAreOnlyRefusedAsWholeComponents) {
  for (const char* good : {"a", ".a", "a.", "...", "a/..b", ".jfs.x", "a//b", "a/"})
    EXPECT_TRUE(check_key(good)) << good;
  for (const char* bad : {".", "..", "a/.", "a/..", "../a", "./a", "a/./b", "a/../b", "/a", ""})
    EXPECT_FALSE(check_key(bad)) << bad;
}

TEST(Key, TheLongestIs1024Bytes) {
  EXPECT_TRUE(check_key(std::string(1024, 'k')));
  EXPECT_EQ(check_key(std::string(1025, 'k')).error().text(), "an object's key has at most 1024 bytes, got 1025");
}

TEST(Key, APageHas1To10000Objects) {
  EXPECT_FALSE(check_list_limit(0));
  EXPECT_TRUE(check_list_limit(1));
  EXPECT_TRUE(check_list_limit(10'000));
  EXPECT_FALSE(check_list_limit(10'001));
}

}  // namespace
}  // namespace headrace::object
