// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;

class ExpireTrash : public testing::EachEngine {
 protected:
  static VolumeFormat with_trash() {
    VolumeFormat format = testing::plain_format();
    format.trash_days = 1;
    return format;
  }
};
ON_EACH_ENGINE(ExpireTrash);

TEST_P(ExpireTrash, HoursOlderThanTheVolumeKeepsThemGoWithAllTheyHold) {
  TestVolume volume(GetParam(), with_trash());
  volume.make_directory(kRootIno, "d");
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 100);
  ASSERT_TRUE(volume->rmdir(scope_, root(), kRootIno, "d"));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  volume.pass(std::chrono::hours(25));
  EXPECT_EQ(volume->expire_trash(scope_, 100).value(), 0u) << "a day, and two hours of grace";
  volume.pass(std::chrono::hours(1));
  EXPECT_EQ(volume->expire_trash(scope_, 100).value(), 3u);
  EXPECT_TRUE(volume.names(kTrashRoot).empty());
  EXPECT_EQ(volume.counter("usedSpace"), 0);
  EXPECT_EQ(volume.counter("totalInodes"), 0);
  EXPECT_TRUE(volume.record(records::DeletedFileKey{file}));
}

TEST_P(ExpireTrash, ALimitLeavesTheRestForTheNextTime) {
  TestVolume volume(GetParam(), with_trash());
  for (const char* name : {"a", "b", "c"}) {
    volume.make_file(kRootIno, name);
    ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, name));
  }
  volume.pass(std::chrono::hours(48));
  EXPECT_EQ(volume->expire_trash(scope_, 2).value(), 2u);
  EXPECT_EQ(volume->expire_trash(scope_, 2).value(), 2u);
  EXPECT_EQ(volume->expire_trash(scope_, 2).value(), 0u);
}

TEST_P(ExpireTrash, TreesThatWerePutTogetherInItGoDepthFirst) {
  TestVolume volume(GetParam(), with_trash());
  const Ino outer = volume.make_directory(kRootIno, "outer"), inner = volume.make_directory(outer, "inner");
  volume.make_file(inner, "a");
  // As a restore that was begun leaves it: the tree hangs below the hour.
  volume.make_file(kRootIno, "b");
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "b"));
  const Ino hour = volume->lookup(scope_, kTrashRoot, volume.names(kTrashRoot).front())->ino;
  Attr attr = volume.attr(outer);
  attr.parent = hour;
  volume.put_record(records::InodeKey{outer}, attr);
  volume.erase_record(records::EntryKey{kRootIno, "outer"});
  volume.put_record(records::EntryKey{hour, "1-2-outer"}, {outer, FileType::kDirectory});
  volume.pass(std::chrono::hours(48));
  EXPECT_EQ(volume->expire_trash(scope_, 100).value(), 5u);
  EXPECT_EQ(volume.counter("totalInodes"), 0);
  EXPECT_TRUE(volume.names(kTrashRoot).empty()) << "nothing went through the trash a second time";
}

TEST_P(ExpireTrash, OtherNamesInTheTrashAreLeftAlone) {
  TestVolume volume(GetParam(), with_trash());
  const Ino directory = volume.make_directory(kRootIno, "d");
  volume.put_record(records::EntryKey{kTrashRoot, "notes"}, {directory, FileType::kDirectory});
  volume.pass(std::chrono::hours(1000));
  EXPECT_EQ(volume->expire_trash(scope_, 100).value(), 0u);
}

TEST_P(ExpireTrash, AHeldFileOutlivesItsHour) {
  TestVolume volume(GetParam(), with_trash());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->hold(scope_, file));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  volume.pass(std::chrono::hours(48));
  EXPECT_EQ(volume->expire_trash(scope_, 100).value(), 2u);
  EXPECT_EQ(volume.attr(file).nlink, 0u);
  ASSERT_TRUE(volume->release(scope_, file));
  EXPECT_EQ(volume->getattr(scope_, file).code(), Code::kNotFound);
}

}  // namespace
}  // namespace headrace::meta
