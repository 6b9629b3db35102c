// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;

class Bytes : public testing::EachEngine {};
ON_EACH_ENGINE(Bytes);

TEST_P(Bytes, AChunkEndsWhereTheFileDoes) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId slice = volume.write(file, kChunkBytes + 10, 100);
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0})->extents, (ExtentList{{0, kChunkBytes, SliceId{0}, 0, 0}}));
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{1})->extents,
            (ExtentList{{kChunkBytes, 10, SliceId{0}, 0, 0}, {kChunkBytes + 10, 100, slice, 100, 0}}));
  EXPECT_TRUE(volume->chunk(scope_, file, ChunkIndex{2})->extents.empty());
}

TEST_P(Bytes, AWholeFileIsItsChunksInARow) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId first = volume.write(file, 0, 100), second = volume.write(file, 100 * kChunkBytes, 100);
  ASSERT_TRUE(volume->truncate(scope_, root(), file, 200 * kChunkBytes));
  const auto whole = volume->whole_file(scope_, file, 10);
  EXPECT_EQ(whole->extents, (ExtentList{{0, 100, first, 100, 0},
                                        {100, 100 * kChunkBytes - 100, SliceId{0}, 0, 0},
                                        {100 * kChunkBytes, 100, second, 100, 0},
                                        {100 * kChunkBytes + 100, 100 * kChunkBytes - 100, SliceId{0}, 0, 0}}));
  EXPECT_EQ(whole->attr.length, 200 * kChunkBytes);
  EXPECT_EQ(volume->whole_file(scope_, file, 3).code(), Code::kTooBig);
}

TEST_P(Bytes, AnEmptyFileHasNoExtents) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_TRUE(volume->whole_file(scope_, file, 0)->extents.empty());
  EXPECT_TRUE(volume->chunk(scope_, file, ChunkIndex{0})->extents.empty());
}

TEST_P(Bytes, OnlyRegularFilesHaveBytes) {
  TestVolume volume(GetParam());
  EXPECT_EQ(volume->chunk(scope_, kRootIno, ChunkIndex{0}).code(), Code::kIsDirectory);
  EXPECT_EQ(volume->whole_file(scope_, Ino{77}, 10).code(), Code::kNotFound);
}

TEST_P(Bytes, AListThatCannotBeIsNotReadAsZeros) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 100);
  volume.put_record(records::SlicesKey{file, ChunkIndex{0}}, {{0, SliceId{9}, 10, 5, 100}});
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0}).code(), Code::kDamaged);
  EXPECT_EQ(volume->whole_file(scope_, file, 10).code(), Code::kDamaged);
}

TEST_P(Bytes, SliceNumbersAreNotGivenTwice) {
  TestVolume volume(GetParam());
  const auto other = volume.open_another();
  EXPECT_NE(volume->new_slice_id(scope_).value(), other->new_slice_id(scope_).value());
  EXPECT_GE(volume->new_slice_id(scope_)->value(), 1u);
}

}  // namespace
}  // namespace headrace::meta
