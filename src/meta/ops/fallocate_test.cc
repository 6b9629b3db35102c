// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;
using testing::user;

class Fallocate : public testing::EachEngine {
 protected:
  Result<Attr> allocate(TestVolume& volume, Ino ino, int mode, std::uint64_t offset, std::uint64_t length) {
    return volume->fallocate(scope_, root(), ino, mode, offset, length);
  }
};
ON_EACH_ENGINE(Fallocate);

TEST_P(Fallocate, ALongerFileIsOfZeros) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_EQ(allocate(volume, file, 0, 100, 900)->length, 1000u);
  EXPECT_EQ(allocate(volume, file, 0, 0, 10)->length, 1000u);
  EXPECT_EQ(allocate(volume, file, kFallocateKeepSize, 0, 5000)->length, 1000u);
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0})->extents, (ExtentList{{0, 1000, SliceId{0}, 0, 0}}));
  EXPECT_EQ(volume.counter("usedSpace"), 4096);
}

TEST_P(Fallocate, AHoleHidesBytesUpToTheEnd) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId slice = volume.write(file, 0, 1000);
  ASSERT_EQ(allocate(volume, file, kFallocatePunchHole | kFallocateKeepSize, 500, 10'000)->length, 1000u);
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0})->extents,
            (ExtentList{{0, 500, slice, 1000, 0}, {500, 500, SliceId{0}, 0, 0}}));
}

TEST_P(Fallocate, AHoleOverManyChunksMakesNoListsBetween) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->truncate(scope_, root(), file, kFileBytesMax));
  ASSERT_TRUE(allocate(volume, file, kFallocatePunchHole | kFallocateKeepSize, 1, kFileBytesMax - 2));
  EXPECT_LE(volume.all(records::Whole::kSlices).size(), 2u);
}

TEST_P(Fallocate, ZerosMayReachBeyondTheEnd) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 1000);
  EXPECT_EQ(allocate(volume, file, kFallocateZeroRange, 0, 2000)->length, 2000u);
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0})->extents, (ExtentList{{0, 2000, SliceId{0}, 0, 0}}));
  EXPECT_EQ(allocate(volume, file, kFallocateZeroRange | kFallocateKeepSize, 0, 9000)->length, 2000u);
}

TEST_P(Fallocate, OtherModesAndRangesAreRefused) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  constexpr int kCollapse = 8, kInsert = 0x20;
  EXPECT_EQ(allocate(volume, file, kCollapse, 0, 4096).code(), Code::kNotSupported);
  EXPECT_EQ(allocate(volume, file, kInsert, 0, 4096).code(), Code::kNotSupported);
  EXPECT_EQ(allocate(volume, file, kFallocatePunchHole, 0, 4096).code(), Code::kNotSupported);
  EXPECT_EQ(allocate(volume, file, 0, 0, 0).code(), Code::kInvalid);
  EXPECT_EQ(allocate(volume, file, 0, kFileBytesMax, 1).code(), Code::kFileTooBig);
  EXPECT_EQ(allocate(volume, file, 0, ~0ull, ~0ull).code(), Code::kFileTooBig);
  EXPECT_EQ(allocate(volume, kRootIno, 0, 0, 1).code(), Code::kIsDirectory);
  volume.set_flags(file, kFlagAppend);
  EXPECT_EQ(allocate(volume, file, kFallocateZeroRange, 0, 10).code(), Code::kNotPermitted);
  EXPECT_TRUE(allocate(volume, file, 0, 0, 10)) << "growing is appending";
}

TEST_P(Fallocate, TheTimesMoveAndAStrangerTakesSetuidAway) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_mode(file, 04777);
  volume.pass(std::chrono::seconds(1));
  ASSERT_TRUE(volume->fallocate(scope_, user(7), file, kFallocateKeepSize, 0, 10));
  EXPECT_EQ(volume.attr(file).mode, 0777);
  EXPECT_EQ(volume.attr(file).mtime, volume.now());
  EXPECT_EQ(volume.attr(file).ctime, volume.now());
}

}  // namespace
}  // namespace headrace::meta
