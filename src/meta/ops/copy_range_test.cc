// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::SliceRefKey;
using testing::root;
using testing::TestVolume;

constexpr std::uint32_t kMiB = 1 << 20;

class CopyRange : public testing::EachEngine {};
ON_EACH_ENGINE(CopyRange);

TEST_P(CopyRange, TheCopyShowsTheSameSlice) {
  TestVolume volume(GetParam());
  const Ino in = volume.make_file(kRootIno, "in"), out = volume.make_file(kRootIno, "out");
  const SliceId slice = volume.write(in, 0, 5000);
  const auto copied = volume->copy_range(scope_, in, 0, out, 0, 1 << 30);
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->copied_bytes, 5000u);
  EXPECT_EQ(copied->attr.length, 5000u);
  EXPECT_EQ(volume->chunk(scope_, out, ChunkIndex{0})->extents, (ExtentList{{0, 5000, slice, 5000, 0}}));
  EXPECT_EQ(volume.record(SliceRefKey{slice, 5000}), 2);
  EXPECT_EQ(volume.counter("usedSpace"), 2 * 8192);
}

TEST_P(CopyRange, APieceThatCrossesAChunkBecomesTwoReferences) {
  TestVolume volume(GetParam());
  const Ino in = volume.make_file(kRootIno, "in"), out = volume.make_file(kRootIno, "out");
  const SliceId slice = volume.write(in, 0, kMiB);
  ASSERT_TRUE(volume->copy_range(scope_, in, 0, out, kChunkBytes - 1000, kMiB));
  EXPECT_EQ(volume.record(SliceRefKey{slice, kMiB}), 3);
  EXPECT_EQ(volume->chunk(scope_, out, ChunkIndex{1})->extents,
            (ExtentList{{kChunkBytes, kMiB - 1000, slice, kMiB, 1000}}));
  EXPECT_EQ(volume.attr(out).length, kChunkBytes - 1000 + kMiB);
}

TEST_P(CopyRange, HolesAreCopiedToo) {
  TestVolume volume(GetParam());
  const Ino in = volume.make_file(kRootIno, "in"), out = volume.make_file(kRootIno, "out");
  ASSERT_TRUE(volume->truncate(scope_, root(), in, 1000));
  const SliceId old = volume.write(out, 0, 3000);
  ASSERT_TRUE(volume->copy_range(scope_, in, 0, out, 1000, 1000));
  EXPECT_EQ(volume->chunk(scope_, out, ChunkIndex{0})->extents,
            (ExtentList{{0, 1000, old, 3000, 0}, {1000, 1000, SliceId{0}, 0, 0}, {2000, 1000, old, 3000, 2000}}));
}

TEST_P(CopyRange, NothingIsCopiedFromBehindTheEnd) {
  TestVolume volume(GetParam());
  const Ino in = volume.make_file(kRootIno, "in"), out = volume.make_file(kRootIno, "out");
  volume.write(in, 0, 100);
  const Attr before = volume.attr(out);
  volume.pass(std::chrono::seconds(1));
  EXPECT_EQ(volume->copy_range(scope_, in, 100, out, 0, 10)->copied_bytes, 0u);
  EXPECT_EQ(volume.attr(out), before);
}

TEST_P(CopyRange, AFileCopiesWithinItselfUnlessItOverlaps) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId slice = volume.write(file, 0, 1000);
  EXPECT_EQ(volume->copy_range(scope_, file, 0, file, 500, 1000).code(), Code::kInvalid);
  ASSERT_TRUE(volume->copy_range(scope_, file, 0, file, 1000, 1000));
  EXPECT_EQ(volume.record(SliceRefKey{slice, 1000}), 2);
  EXPECT_EQ(volume.attr(file).length, 2000u);
}

TEST_P(CopyRange, ManyPiecesAreCopiedInPartsAndNotBeyondWhatAListHolds) {
  TestVolume volume(GetParam());
  const Ino in = volume.make_file(kRootIno, "in"), out = volume.make_file(kRootIno, "out");
  // In each of three chunks 1,000 bytes with holes between them.
  for (std::uint32_t chunk = 0; chunk < 3; ++chunk) {
    records::SliceList list;
    for (std::uint32_t i = 0; i < 1000; ++i) list.push_back({i * 2, SliceId{chunk * 1000 + i + 1}, 1, 0, 1});
    volume.put_record(records::SlicesKey{in, ChunkIndex{chunk}}, list);
  }
  Attr attr = volume.attr(in);
  attr.length = 3 * kChunkBytes;
  volume.put_record(records::InodeKey{in}, attr);

  const auto part = volume->copy_range(scope_, in, 0, out, 0, attr.length);
  ASSERT_TRUE(part);
  EXPECT_LT(part->copied_bytes, attr.length) << "one transaction does not take them all";
  EXPECT_EQ(part->attr.length, part->copied_bytes);
  EXPECT_EQ(volume->copy_range(scope_, in, 0, out, 0, kChunkBytes).code(), Code::kNotSupported)
      << "2,000 more references are too many";
}

TEST_P(CopyRange, OnlyFilesThatMayChangeAreWritten) {
  TestVolume volume(GetParam());
  const Ino in = volume.make_file(kRootIno, "in"), out = volume.make_file(kRootIno, "out");
  volume.write(in, 0, 100);
  EXPECT_EQ(volume->copy_range(scope_, kRootIno, 0, out, 0, 10).code(), Code::kIsDirectory);
  EXPECT_EQ(volume->copy_range(scope_, in, 0, out, kFileBytesMax, 10).code(), Code::kFileTooBig);
  volume.set_flags(out, kFlagImmutable);
  EXPECT_EQ(volume->copy_range(scope_, in, 0, out, 0, 10).code(), Code::kNotPermitted);
}

}  // namespace
}  // namespace headrace::meta
