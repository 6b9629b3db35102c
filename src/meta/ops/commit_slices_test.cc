// SPDX-License-Identifier: Apache-2.0
#include "meta/compaction_plan.h"
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::SliceRefKey;
using testing::root;
using testing::TestVolume;

class CommitSlices : public testing::EachEngine {};
ON_EACH_ENGINE(CommitSlices);

TEST_P(CommitSlices, BytesLengthAndReferencesAppearTogether) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const NewSlice slices[] = {{ChunkIndex{0}, {0, SliceId{71}, 100, 0, 100}},
                             {ChunkIndex{1}, {10, SliceId{72}, 50, 0, 50}}};
  volume.pass(std::chrono::seconds(1));
  const Timestamp written{1699999999, 5};
  const auto attr = volume->commit_slices(scope_, file, slices, written);
  ASSERT_TRUE(attr);
  EXPECT_EQ(attr->length, kChunkBytes + 60);
  EXPECT_EQ(attr->mtime, written);
  EXPECT_EQ(attr->ctime, volume.now());
  EXPECT_EQ(volume.record(SliceRefKey{SliceId{71}, 100}), 1);
  EXPECT_EQ(volume.record(SliceRefKey{SliceId{72}, 50}), 1);
  const auto whole = volume->whole_file(scope_, file, 10);
  EXPECT_EQ(whole->extents, (ExtentList{{0, 100, SliceId{71}, 100, 0},
                                        {100, kChunkBytes - 90, SliceId{0}, 0, 0},
                                        {kChunkBytes + 10, 50, SliceId{72}, 50, 0}}));
}

TEST_P(CommitSlices, TheLaterSliceHidesTheEarlier) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId first = volume.write(file, 0, 100), second = volume.write(file, 20, 30);
  const auto view = volume->chunk(scope_, file, ChunkIndex{0});
  EXPECT_EQ(view->extents, (ExtentList{{0, 20, first, 100, 0}, {20, 30, second, 30, 0}, {50, 50, first, 100, 50}}));
  EXPECT_EQ(view->list_length, 2u);
  EXPECT_EQ(view->attr.length, 100u);
}

TEST_P(CommitSlices, SpaceGrowsByWholeBlocks) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 1);
  EXPECT_EQ(volume.counter("usedSpace"), 4096);
  volume.write(file, 4096, 1);
  EXPECT_EQ(volume.counter("usedSpace"), 8192);
  volume.write(file, 0, 8192);
  EXPECT_EQ(volume.counter("usedSpace"), 8192);
}

TEST_P(CommitSlices, AFullVolumeReferencesNothing) {
  VolumeFormat format = testing::plain_format();
  format.capacity_bytes = 8192;
  TestVolume volume(GetParam(), format);
  const Ino file = volume.make_file(kRootIno, "a");
  const NewSlice slice{ChunkIndex{0}, {0, SliceId{71}, 9000, 0, 9000}};
  EXPECT_EQ(volume->commit_slices(scope_, file, std::span(&slice, 1), volume.now()).code(), Code::kNoSpace);
  EXPECT_FALSE(volume.record(records::SlicesKey{file, ChunkIndex{0}}));
  EXPECT_FALSE(volume.record(SliceRefKey{SliceId{71}, 9000}));
  EXPECT_EQ(volume.attr(file).length, 0u);
}

TEST_P(CommitSlices, AListThatIsFullTakesNoMore) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  records::SliceList list(kSliceListMax - 1, {0, SliceId{0}, 0, 0, 10});
  volume.put_record(records::SlicesKey{file, ChunkIndex{0}}, list);
  const NewSlice slices[] = {{ChunkIndex{0}, {0, SliceId{71}, 9, 0, 9}},
                             {ChunkIndex{0}, {9, SliceId{72}, 9, 0, 9}},
                             {ChunkIndex{1}, {0, SliceId{73}, 9, 0, 9}}};
  EXPECT_EQ(volume->commit_slices(scope_, file, slices, volume.now()).code(), Code::kThrottled);
  EXPECT_FALSE(volume.record(SliceRefKey{SliceId{71}, 9}));
  EXPECT_FALSE(volume.record(records::SlicesKey{file, ChunkIndex{1}}));
  EXPECT_TRUE(volume->commit_slices(scope_, file, std::span(slices, 1), volume.now()));
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0})->list_length, kSliceListMax);
  EXPECT_EQ(volume->commit_slices(scope_, file, std::span(slices + 1, 1), volume.now()).code(), Code::kThrottled);
  EXPECT_TRUE(volume->commit_slices(scope_, file, std::span(slices + 2, 1), volume.now()));
}

TEST_P(CommitSlices, AFileThatIsGoneTakesNothing) {
  TestVolume volume(GetParam());
  const NewSlice slice{ChunkIndex{0}, {0, SliceId{71}, 9, 0, 9}};
  EXPECT_EQ(volume->commit_slices(scope_, Ino{77}, std::span(&slice, 1), volume.now()).code(), Code::kNotFound);
  EXPECT_EQ(volume->commit_slices(scope_, kRootIno, std::span(&slice, 1), volume.now()).code(), Code::kNotPermitted);
}

TEST_P(CommitSlices, SlicesThatCannotBeAreRefused) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const records::Slice bad[] = {{static_cast<std::uint32_t>(kChunkBytes), SliceId{1}, 1, 0, 1},
                                {0, SliceId{1}, 10, 5, 6},
                                {0, SliceId{0}, 10, 0, 10},
                                {0, SliceId{1}, 10, 0, 0}};
  for (const records::Slice& slice : bad) {
    const NewSlice fresh{ChunkIndex{0}, slice};
    EXPECT_EQ(volume->commit_slices(scope_, file, std::span(&fresh, 1), volume.now()).code(), Code::kInvalid);
  }
  const NewSlice beyond{ChunkIndex{1u << 31}, {0, SliceId{1}, 1, 0, 1}};
  EXPECT_EQ(volume->commit_slices(scope_, file, std::span(&beyond, 1), volume.now()).code(), Code::kFileTooBig);
}

}  // namespace
}  // namespace headrace::meta
