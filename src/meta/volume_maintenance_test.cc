// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::SliceRefKey;
using records::Whole;
using testing::root;
using testing::TestVolume;

class Maintenance : public testing::EachEngine {
 protected:
  static VolumeFormat with_trash() {
    VolumeFormat format = testing::plain_format();
    format.trash_days = 2;
    return format;
  }
};
ON_EACH_ENGINE(Maintenance);

TEST_P(Maintenance, ADeletedFileGivesItsSlicesBack) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId slice = volume.write(file, 0, 100);
  volume.write(file, 200 * kChunkBytes, 50);
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_EQ(volume->release_deleted_files(scope_, std::chrono::hours(1), 10).value(), 0u) << "not old enough";
  volume.pass(std::chrono::hours(1));
  EXPECT_EQ(volume->release_deleted_files(scope_, std::chrono::hours(1), 10).value(), 1u);
  EXPECT_TRUE(volume.all(Whole::kSlices).empty());
  EXPECT_TRUE(volume.all(Whole::kDeletedFiles).empty());
  const auto doomed = volume->doomed_slices(scope_, 10);
  ASSERT_EQ(doomed->size(), 2u);
  EXPECT_EQ(doomed->front().slice, slice);
  EXPECT_EQ(doomed->front().size, 100u);
  for (const DoomedSlice& one : *doomed) ASSERT_TRUE(volume->forget_slice(scope_, one));
  EXPECT_TRUE(volume.all(Whole::kSliceRefs).empty());
}

TEST_P(Maintenance, ASharedSliceOutlivesOneOfItsFiles) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_file(kRootIno, "a"), two = volume.make_file(kRootIno, "b");
  const SliceId slice = volume.write(one, 0, 100);
  ASSERT_TRUE(volume->copy_range(scope_, one, 0, two, 0, 100));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  ASSERT_TRUE(volume->release_deleted_files(scope_, std::chrono::hours(0), 10));
  EXPECT_TRUE(volume->doomed_slices(scope_, 10)->empty());
  EXPECT_EQ(volume.record(SliceRefKey{slice, 100}), 1);
  EXPECT_EQ(volume->forget_slice(scope_, {slice, 100}).code(), Code::kConflict);
}

TEST_P(Maintenance, AFileThatIsDeletedAndExistsIsLeftAlone) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 100);
  volume.put_record(records::DeletedFileKey{file}, {100, 0});
  EXPECT_EQ(volume->release_deleted_files(scope_, std::chrono::hours(0), 10).value(), 0u);
  EXPECT_EQ(volume.all(Whole::kSlices).size(), 1u);
}

TEST_P(Maintenance, ManyListsAreReleasedInParts) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  for (std::uint64_t chunk = 0; chunk < 130; ++chunk) volume.write(file, chunk * kChunkBytes, 1);
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_EQ(volume->release_deleted_files(scope_, std::chrono::hours(0), 10).value(), 1u);
  EXPECT_TRUE(volume.all(Whole::kSlices).empty());
}

TEST_P(Maintenance, ACompactionReplacesTheFrontAndKeepsWhatCameMeanwhile) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId first = volume.write(file, 0, 100);
  volume.write(file, 50, 100);
  const auto plan = volume->plan_compaction(scope_, file, ChunkIndex{0});
  ASSERT_TRUE(plan && *plan);
  EXPECT_EQ((*plan)->size, 150u);
  const SliceId late = volume.write(file, 10, 5);
  const Attr before = volume.attr(file);
  const auto slice = volume->new_slice_id(scope_);
  ASSERT_TRUE(volume->commit_compaction(scope_, **plan, *slice));
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0})->extents,
            (ExtentList{{0, 10, *slice, 150, 0}, {10, 5, late, 5, 0}, {15, 135, *slice, 150, 15}}));
  EXPECT_EQ(volume.attr(file), before);
  EXPECT_EQ(volume.record(SliceRefKey{first, 100}), 0) << "without a trash its slices are given back at once";
  EXPECT_EQ(volume->doomed_slices(scope_, 10)->size(), 2u);
}

TEST_P(Maintenance, ACompactionThatComesTooLateDoomsItsSlice) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 100);
  volume.write(file, 50, 100);
  const auto plan = volume->plan_compaction(scope_, file, ChunkIndex{0});
  const auto winner = volume->new_slice_id(scope_), loser = volume->new_slice_id(scope_);
  ASSERT_TRUE(volume->commit_compaction(scope_, **plan, *winner));
  EXPECT_EQ(volume->commit_compaction(scope_, **plan, *loser).code(), Code::kConflict);
  EXPECT_EQ(volume.record(SliceRefKey{*loser, 150}), 0);
  EXPECT_EQ(volume.record(SliceRefKey{*winner, 150}), 1);
}

TEST_P(Maintenance, WithATrashRetiredSlicesStayAsLong) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId first = volume.write(file, 0, 100);
  volume.write(file, 50, 100);
  const auto plan = volume->plan_compaction(scope_, file, ChunkIndex{0});
  ASSERT_TRUE(volume->commit_compaction(scope_, **plan, *volume->new_slice_id(scope_)));
  EXPECT_EQ(volume.record(SliceRefKey{first, 100}), 1);
  volume.pass(std::chrono::hours(48));
  EXPECT_EQ(volume->expire_delayed_slices(scope_, 10).value(), 0u);
  volume.pass(std::chrono::seconds(1));
  EXPECT_EQ(volume->expire_delayed_slices(scope_, 10).value(), 2u);
  EXPECT_EQ(volume.record(SliceRefKey{first, 100}), 0);
  EXPECT_TRUE(volume.all(Whole::kDelayedSlices).empty());
}

TEST_P(Maintenance, OneReferenceIsNotCompacted) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_FALSE(*volume->plan_compaction(scope_, file, ChunkIndex{0}));
  volume.write(file, 0, 100);
  EXPECT_FALSE(*volume->plan_compaction(scope_, file, ChunkIndex{0}));
}

TEST_P(Maintenance, AJobIsClaimedByOneClientForItsInterval) {
  TestVolume volume(GetParam());
  const auto other = volume.open_another();
  EXPECT_TRUE(*volume->claim_job(scope_, "lastCleanupFiles", std::chrono::minutes(54)));
  EXPECT_FALSE(*other->claim_job(scope_, "lastCleanupFiles", std::chrono::minutes(54)));
  EXPECT_TRUE(*other->claim_job(scope_, "lastCleanupTrash", std::chrono::minutes(54)));
  volume.pass(std::chrono::minutes(54));
  EXPECT_TRUE(*other->claim_job(scope_, "lastCleanupFiles", std::chrono::minutes(54)));
}

}  // namespace
}  // namespace headrace::meta
