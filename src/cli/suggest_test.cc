// SPDX-License-Identifier: Apache-2.0
#include "cli/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace headrace::cli {
namespace {

const std::vector<std::string> kWords{"mount", "umount", "format", "fsck", "gc", "status", "stats"};

TEST(Suggest, TheNearestWordIsFoundForAMistypedOne) {
  EXPECT_EQ(nearest("muont", kWords), "mount");
  EXPECT_EQ(nearest("formt", kWords), "format");
  EXPECT_EQ(nearest("statu", kWords), "status");
  EXPECT_EQ(nearest("gv", kWords), "gc");
}

TEST(Suggest, NothingIsSuggestedForAWordFarFromAll) {
  EXPECT_EQ(nearest("kubernetes", kWords), std::nullopt);
  EXPECT_EQ(nearest("x", std::vector<std::string>{}), std::nullopt);
}

}  // namespace
}  // namespace headrace::cli
