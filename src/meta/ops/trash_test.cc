// SPDX-License-Identifier: Apache-2.0
#include "meta/ops/trash.h"

#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::DirStatsKey;
using records::DirStatsRecord;
using testing::root;
using testing::TestVolume;
using testing::user;

TEST(TrashNames, AnHourIsNamedInUtcAndReadBack) {
  EXPECT_EQ(ops::trash_hour_name({1787306460, 0}), "2026-08-21-10");
  EXPECT_EQ(ops::trash_hour_of("2026-08-21-10"), 1787306400);
  EXPECT_EQ(ops::trash_hour_name({0, 0}), "1970-01-01-00");
}

TEST(TrashNames, OtherNamesAreNoHours) {
  for (const char* name : {"", "2026-08-21", "2026-08-21-24", "2026-13-01-00", "2026-02-30-00", "2026-08-21-9x",
                           "2026_08_21_09", "+026-08-21-09"}) {
    EXPECT_FALSE(ops::trash_hour_of(name)) << name;
  }
}

TEST(TrashNames, WhereItCameFromIsPartOfTheNameWhichIsCut) {
  EXPECT_EQ(ops::trash_name(Ino{2}, Ino{3}, "f"), "2-3-f");
  EXPECT_EQ(ops::trash_name(Ino{2}, Ino{3}, std::string(255, 'x')), "2-3-" + std::string(251, 'x'));
}

class Trash : public testing::EachEngine {
 protected:
  static VolumeFormat with_trash() {
    VolumeFormat format = testing::plain_format();
    format.trash_days = 1;
    return format;
  }
  static constexpr Ino kFirstHour{kTrashRoot.value() + 1};
};
ON_EACH_ENGINE(Trash);

TEST_P(Trash, ARemovedFileMovesIntoTheHour) {
  TestVolume volume(GetParam(), with_trash());
  const Ino directory = volume.make_directory(kRootIno, "d"), file = volume.make_file(directory, "a");
  volume.write(file, 0, 5000);
  const auto removed = volume->unlink(scope_, root(), directory, "a");
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->is_in_trash);
  EXPECT_FALSE(removed->is_gone);
  EXPECT_EQ(volume.names(kTrashRoot), std::vector<std::string>{ops::trash_hour_name(volume.now())});
  EXPECT_EQ(volume.names(kFirstHour), std::vector<std::string>{ops::trash_name(directory, file, "a")});
  const Attr attr = volume.attr(file);
  EXPECT_EQ(attr.nlink, 1u);
  EXPECT_EQ(attr.parent, kFirstHour);
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0})->extents.size(), 1u);
}

TEST_P(Trash, TheAccountsGrowByTheHourAlone) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 5000);
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_EQ(volume.counter("usedSpace"), 8192 + 4096);
  EXPECT_EQ(volume.counter("totalInodes"), 2);
  EXPECT_EQ(volume.counter("nextTrash"), 1);
  EXPECT_EQ(volume.record(DirStatsKey{kFirstHour}), (DirStatsRecord{5000, 8192, 1}));
  EXPECT_EQ(volume.record(DirStatsKey{kRootIno}), (DirStatsRecord{0, 0, 0}));
  const Attr hour = volume.attr(kFirstHour);
  EXPECT_EQ(hour.mode, 0555);
  EXPECT_EQ(hour.nlink, 2u);
  EXPECT_EQ(hour.parent, kTrashRoot);
}

TEST_P(Trash, ADirectoryKeepsItsLinksAndLosesItsStatistics) {
  TestVolume volume(GetParam(), with_trash());
  const Ino directory = volume.make_directory(kRootIno, "d");
  ASSERT_TRUE(volume->rmdir(scope_, root(), kRootIno, "d")->is_in_trash);
  EXPECT_EQ(volume.attr(directory).nlink, 2u);
  EXPECT_EQ(volume.attr(directory).parent, kFirstHour);
  EXPECT_EQ(volume.attr(kFirstHour).nlink, 2u);
  EXPECT_EQ(volume.attr(kRootIno).nlink, 2u);
  EXPECT_FALSE(volume.record(DirStatsKey{directory}));
  EXPECT_EQ(volume->mknod(scope_, root(), directory, "x", {}).code(), Code::kNotFound);
}

TEST_P(Trash, ANewHourGetsADirectoryOfItsOwn) {
  TestVolume volume(GetParam(), with_trash());
  volume.make_file(kRootIno, "a");
  volume.make_file(kRootIno, "b");
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  volume.pass(std::chrono::hours(1));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "b"));
  EXPECT_EQ(volume.names(kTrashRoot).size(), 2u);
  EXPECT_EQ(volume.counter("nextTrash"), 2);
}

TEST_P(Trash, WhatSkipsTheTrashIsGone) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_flags(file, kFlagSkipTrash);
  EXPECT_TRUE(volume->unlink(scope_, root(), kRootIno, "a")->is_gone);
}

TEST_P(Trash, TheSecondLinkOfOneNameIsOneLinkLess) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "b"));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a")->is_in_trash);
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "a"));
  EXPECT_EQ(volume.attr(file).nlink, 3u);
  EXPECT_FALSE(volume->unlink(scope_, root(), kRootIno, "a")->is_in_trash);
  EXPECT_EQ(volume.attr(file).nlink, 2u);
  EXPECT_EQ(volume.names(kFirstHour).size(), 1u);
}

TEST_P(Trash, AReplacedFileGoesThereToo) {
  TestVolume volume(GetParam(), with_trash());
  volume.make_file(kRootIno, "a");
  const Ino old = volume.make_file(kRootIno, "b");
  const auto renamed = volume->rename(scope_, root(), kRootIno, "a", kRootIno, "b", 0);
  EXPECT_TRUE(renamed->replaced->is_in_trash);
  EXPECT_EQ(volume.names(kFirstHour), std::vector<std::string>{ops::trash_name(kRootIno, old, "b")});
}

TEST_P(Trash, NothingIsMadeInItAndItsHoursStay) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.make_file(kRootIno, "b");
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  const std::string hour = ops::trash_hour_name(volume.now());
  EXPECT_EQ(volume->mknod(scope_, root(), kTrashRoot, "x", {}).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->mknod(scope_, root(), kFirstHour, "x", {}).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->link(scope_, root(), file, kFirstHour, "x").code(), Code::kNotPermitted);
  EXPECT_EQ(volume->rename(scope_, root(), kRootIno, "b", kFirstHour, "b", 0).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->rename(scope_, root(), kTrashRoot, hour, kRootIno, "h", 0).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->rmdir(scope_, root(), kTrashRoot, hour).code(), Code::kNotPermitted);
  AttrChange change;
  change.mode = 0777;
  EXPECT_EQ(volume->setattr(scope_, root(), kFirstHour, change).code(), Code::kNotPermitted);
}

TEST_P(Trash, OnlyRootTakesThingsOut) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_owner(file, 7, 7);
  ASSERT_TRUE(volume->unlink(scope_, user(7), kRootIno, "a"));
  const std::string name = ops::trash_name(kRootIno, file, "a");
  EXPECT_EQ(volume->unlink(scope_, user(7), kFirstHour, name).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->rename(scope_, user(7), kFirstHour, name, kRootIno, "a", 0).code(), Code::kNotPermitted);
  ASSERT_TRUE(volume->rename(scope_, root(), kFirstHour, name, kRootIno, "a", 0));
  EXPECT_EQ(volume.attr(file).parent, kRootIno);
  EXPECT_EQ(volume.record(DirStatsKey{kFirstHour}), (DirStatsRecord{0, 0, 0}));
}

TEST_P(Trash, WhatRootRemovesThereIsGone) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a"), directory = volume.make_directory(kRootIno, "d");
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  ASSERT_TRUE(volume->rmdir(scope_, root(), kRootIno, "d"));
  EXPECT_TRUE(volume->unlink(scope_, root(), kFirstHour, ops::trash_name(kRootIno, file, "a"))->is_gone);
  EXPECT_TRUE(volume->rmdir(scope_, root(), kFirstHour, ops::trash_name(kRootIno, directory, "d"))->is_gone);
  EXPECT_EQ(volume.counter("totalInodes"), 1) << "the hour is left";
}

TEST_P(Trash, ADirectoryThatComesBackHasStatisticsAgain) {
  TestVolume volume(GetParam(), with_trash());
  const Ino directory = volume.make_directory(kRootIno, "d");
  ASSERT_TRUE(volume->rmdir(scope_, root(), kRootIno, "d"));
  ASSERT_TRUE(volume->rename(scope_, root(), kFirstHour, ops::trash_name(kRootIno, directory, "d"), kRootIno, "d", 0));
  EXPECT_EQ(volume.record(DirStatsKey{directory}), (DirStatsRecord{0, 0, 0}));
  EXPECT_EQ(volume.attr(kRootIno).nlink, 3u);
}

TEST_P(Trash, FilesInItDoNotChange) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  AttrChange change;
  change.mode = 0777;
  ASSERT_TRUE(volume->hold(scope_, file)) << "they can be opened and read";
  EXPECT_EQ(volume->setattr(scope_, root(), file, change).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->truncate(scope_, root(), file, 5).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->fallocate(scope_, root(), file, 0, 0, 5).code(), Code::kNotPermitted);
}

TEST_P(Trash, AHandleFromBeforeMayStillChangeItsFile) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->hold(scope_, file));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_TRUE(volume->truncate(scope_, root(), file, 5)) << "open, unlink, ftruncate is how temporary files are made";
  ASSERT_TRUE(volume->release(scope_, file));
  EXPECT_EQ(volume->truncate(scope_, root(), file, 0).code(), Code::kNotPermitted);
}

}  // namespace
}  // namespace headrace::meta
