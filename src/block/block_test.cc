// SPDX-License-Identifier: Apache-2.0
#include "block/block.h"

#include <gtest/gtest.h>

namespace headrace::block {
namespace {

constexpr Layout kPlain{}, kHashed{4u << 20, true};

TEST(Block, NamesAreTheFormatSheetsExamples) {
  struct Row {
    std::uint64_t slice;
    const char *plain, *hashed;
  };
  for (const Row& row :
       {Row{1, "chunks/0/0/1_0_5", "chunks/01/0/1_0_5"}, Row{999, "chunks/0/0/999_0_5", "chunks/E7/0/999_0_5"},
        Row{1000, "chunks/0/1/1000_0_5", "chunks/E8/0/1000_0_5"},
        Row{123456789, "chunks/123/123456/123456789_0_5", "chunks/15/123/123456789_0_5"}}) {
    const BlockKey key{SliceId{row.slice}, 0, 5};
    EXPECT_EQ(object_name(kPlain, key), row.plain);
    EXPECT_EQ(object_name(kHashed, key), row.hashed);
    EXPECT_EQ(parse_object_name(kPlain, row.plain).value(), key);
    EXPECT_EQ(parse_object_name(kHashed, row.hashed).value(), key);
  }
}

TEST(Block, ASliceOfNineMiBHasThreeBlocksAndTheLastIsShort) {
  constexpr std::uint32_t kSize = 9u << 20;
  ASSERT_EQ(block_count(kPlain, kSize), 3u);
  EXPECT_EQ(object_name(kPlain, block_key(kPlain, SliceId{10}, kSize, 0)), "chunks/0/0/10_0_4194304");
  EXPECT_EQ(object_name(kPlain, block_key(kPlain, SliceId{10}, kSize, 1)), "chunks/0/0/10_1_4194304");
  EXPECT_EQ(object_name(kPlain, block_key(kPlain, SliceId{10}, kSize, 2)), "chunks/0/0/10_2_1048576");
}

TEST(Block, CountsAreRightAtTheEdges) {
  EXPECT_EQ(block_count(kPlain, 0), 0u);
  EXPECT_EQ(block_count(kPlain, 1), 1u);
  EXPECT_EQ(block_count(kPlain, 4u << 20), 1u);
  EXPECT_EQ(block_count(kPlain, (4u << 20) + 1), 2u);
  EXPECT_EQ(block_count(kPlain, ~0u), 1024u);
  EXPECT_EQ(block_key(kPlain, SliceId{1}, 4u << 20, 0).size, 4u << 20);
  EXPECT_EQ(block_key(kPlain, SliceId{1}, ~0u, 1023).size, (4u << 20) - 1);
}

TEST(Block, WhatIsNoBlocksNameIsRefused) {
  for (const char* name : {"",
                           "1_0_5",
                           "chunks/0/0/1_0",
                           "chunks/0/0/1_0_5_6",
                           "chunks/0/0/01_0_5",
                           "chunks/0/0/1_00_5",
                           "chunks/0/0/1_0_05",
                           "chunks/0/0/+1_0_5",
                           "chunks/0/0/-1_0_5",
                           "chunks/0/0/1_0_0",
                           "chunks/0/0/1_0_4194305",
                           "chunks/0/0/0_0_5",
                           "chunks/0/1/1_0_5",
                           "chunks/1/0/1_0_5",
                           "chunks/0/0/1_4294967295_5",
                           "chunks/0/0/18446744073709551616_0_5",
                           "chunks/0/0/1_0_5 ",
                           " chunks/0/0/1_0_5",
                           "chunks/00/0/1_0_5",
                           "chunks/01/0/1_0_5",
                           "Chunks/0/0/1_0_5",
                           "chunks/0/0/.jfs.1_0_5.tmp.7",
                           "meta/dump-2025-01-01-000000.json.gz"}) {
    const auto key = parse_object_name(kPlain, name);
    ASSERT_FALSE(key) << name;
    EXPECT_EQ(key.code(), Code::kInvalid);
  }
  EXPECT_FALSE(parse_object_name(kHashed, "chunks/0/0/1_0_5"));
  EXPECT_FALSE(parse_object_name(kHashed, "chunks/e7/0/999_0_5")) << "upper case only";
}

TEST(Block, TheLargestSliceNumberHasAName) {
  const BlockKey key{SliceId{~0ull}, 15, 1};
  EXPECT_EQ(parse_object_name(kPlain, object_name(kPlain, key)).value(), key);
  EXPECT_EQ(parse_object_name(kHashed, object_name(kHashed, key)).value(), key);
}

}  // namespace
}  // namespace headrace::block
