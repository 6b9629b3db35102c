// SPDX-License-Identifier: Apache-2.0
#include "meta/compaction_plan.h"
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::DirStatsKey;
using records::Slice;
using records::SliceList;
using records::SlicesKey;
using testing::root;
using testing::TestVolume;
using testing::user;

constexpr std::uint64_t kMiB = 1 << 20;

class Truncate : public testing::EachEngine {};
ON_EACH_ENGINE(Truncate);

TEST_P(Truncate, WhatWasCutOffDoesNotComeBackWhenTheFileGrows) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId slice = volume.write(file, 0, 1000);
  ASSERT_TRUE(volume->truncate(scope_, root(), file, 100));
  ASSERT_TRUE(volume->truncate(scope_, root(), file, 1000));
  const auto view = volume->chunk(scope_, file, ChunkIndex{0});
  EXPECT_EQ(view->extents, (ExtentList{{0, 100, slice, 1000, 0}, {100, 900, SliceId{0}, 0, 0}}));
}

TEST_P(Truncate, HolesAreWrittenAsTheFormatHasThem) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 3 * kChunkBytes, 100);  // chunks 0 to 2 have no lists
  volume.write(file, kChunkBytes, 50);
  ASSERT_TRUE(volume->truncate(scope_, root(), file, 10));
  const auto last_of = [&](std::uint32_t chunk) { return volume.record(SlicesKey{file, ChunkIndex{chunk}})->back(); };
  EXPECT_EQ(last_of(0), (Slice{10, SliceId{0}, 0, 0, static_cast<std::uint32_t>(kChunkBytes - 10)}));
  EXPECT_EQ(last_of(1), (Slice{0, SliceId{0}, 0, 0, static_cast<std::uint32_t>(kChunkBytes)}));
  EXPECT_FALSE(volume.record(SlicesKey{file, ChunkIndex{2}})) << "where there is no list there is nothing to hide";
  EXPECT_EQ(last_of(3), (Slice{0, SliceId{0}, 0, 0, 100}));
}

TEST_P(Truncate, AListThatIsFullTakesNoHole) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 1000);
  volume.put_record(SlicesKey{file, ChunkIndex{0}}, SliceList(kSliceListMax, Slice{0, SliceId{0}, 0, 0, 1000}));
  EXPECT_EQ(volume->truncate(scope_, root(), file, 10).code(), Code::kThrottled);
  EXPECT_EQ(volume->fallocate(scope_, root(), file, kFallocatePunchHole | kFallocateKeepSize, 0, 10).code(),
            Code::kThrottled);
  EXPECT_EQ(volume->getattr(scope_, file)->length, 1000u) << "nothing is half done";
  EXPECT_EQ(volume.record(SlicesKey{file, ChunkIndex{0}})->size(), kSliceListMax);
}

TEST_P(Truncate, TheAccountsFollowTheLength) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->truncate(scope_, root(), file, 10 * kMiB));
  EXPECT_EQ(volume.counter("usedSpace"), static_cast<std::int64_t>(10 * kMiB));
  EXPECT_EQ(volume.record(DirStatsKey{kRootIno})->length, static_cast<std::int64_t>(10 * kMiB));
  ASSERT_TRUE(volume->truncate(scope_, root(), file, 0));
  EXPECT_EQ(volume.counter("usedSpace"), 4096);
  EXPECT_EQ(volume.record(DirStatsKey{kRootIno})->length, 0);
}

TEST_P(Truncate, TheTimesMoveAlsoWhenTheLengthStays) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.pass(std::chrono::seconds(1));
  ASSERT_TRUE(volume->truncate(scope_, root(), file, 0));
  EXPECT_EQ(volume.attr(file).mtime, volume.now());
  EXPECT_EQ(volume.attr(file).ctime, volume.now());
  EXPECT_FALSE(volume.record(SlicesKey{file, ChunkIndex{0}}));
}

TEST_P(Truncate, AStrangersTruncateTakesSetuidAway) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_mode(file, 06777);
  ASSERT_TRUE(volume->truncate(scope_, root(), file, 10));
  EXPECT_EQ(volume.attr(file).mode, 06777);
  ASSERT_TRUE(volume->truncate(scope_, user(7), file, 0));
  EXPECT_EQ(volume.attr(file).mode, 0777);
}

TEST_P(Truncate, LengthsHaveABound) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume->truncate(scope_, root(), file, kFileBytesMax + 1).code(), Code::kFileTooBig);
  ASSERT_TRUE(volume->truncate(scope_, root(), file, kFileBytesMax));
  EXPECT_EQ(volume.attr(file).length, kFileBytesMax);
  const auto whole = volume->whole_file(scope_, file, 10);
  EXPECT_EQ(whole->extents, (ExtentList{{0, kFileBytesMax, SliceId{0}, 0, 0}}));
  EXPECT_TRUE(volume->truncate(scope_, root(), file, 0));
}

TEST_P(Truncate, AFullVolumeLetsFilesShrinkOnly) {
  VolumeFormat format = testing::plain_format();
  format.capacity_bytes = kMiB;
  TestVolume volume(GetParam(), format);
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_TRUE(volume->truncate(scope_, root(), file, kMiB));
  EXPECT_EQ(volume->truncate(scope_, root(), file, kMiB + 1).code(), Code::kNoSpace);
  EXPECT_EQ(volume.attr(file).length, kMiB);
  EXPECT_TRUE(volume->truncate(scope_, root(), file, 5));
}

TEST_P(Truncate, OnlyRegularFilesThatMayChangeAreCut) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d"), file = volume.make_file(kRootIno, "a");
  NewNode fifo;
  fifo.type = FileType::kFifo;
  const auto made = volume->mknod(scope_, root(), kRootIno, "fifo", fifo);
  EXPECT_EQ(volume->truncate(scope_, root(), directory, 0).code(), Code::kIsDirectory);
  EXPECT_EQ(volume->truncate(scope_, root(), made->ino, 0).code(), Code::kInvalid);
  volume.set_flags(file, kFlagAppend);
  EXPECT_EQ(volume->truncate(scope_, root(), file, 0).code(), Code::kNotPermitted);
}

}  // namespace
}  // namespace headrace::meta
