// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;
using testing::user;

class Setattr : public testing::EachEngine {
 protected:
  static AttrChange mode(std::uint16_t mode) {
    AttrChange change;
    change.mode = mode;
    return change;
  }
  static AttrChange owner(std::optional<std::uint32_t> uid, std::optional<std::uint32_t> gid) {
    AttrChange change;
    change.uid = uid;
    change.gid = gid;
    return change;
  }
  static AttrChange times(Timestamp atime, Timestamp mtime) {
    AttrChange change;
    change.atime = atime;
    change.mtime = mtime;
    return change;
  }
};
ON_EACH_ENGINE(Setattr);

TEST_P(Setattr, EveryChangeMovesTheCtimeAndNothingElse) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const Attr before = volume.attr(file);
  volume.pass(std::chrono::nanoseconds(1'000'000'001));
  const auto attr = volume->setattr(scope_, root(), file, mode(0600));
  ASSERT_TRUE(attr);
  Attr expected = before;
  expected.mode = 0600;
  expected.ctime = volume.now();
  EXPECT_EQ(*attr, expected);
  EXPECT_EQ(volume.attr(file), expected);
}

TEST_P(Setattr, AChangeOfNothingWritesNothing) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const Attr before = volume.attr(file);
  volume.pass(std::chrono::seconds(1));
  ASSERT_TRUE(volume->setattr(scope_, root(), file, {}));
  EXPECT_EQ(volume.attr(file), before);
}

TEST_P(Setattr, OnlyTheOwnerChangesModeAndTimes) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_owner(file, 7, 7);
  EXPECT_EQ(volume->setattr(scope_, user(8), file, mode(0777)).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->setattr(scope_, user(8), file, times({1, 0}, {2, 0})).code(), Code::kNotPermitted);
  EXPECT_TRUE(volume->setattr(scope_, user(7), file, mode(0600)));
  EXPECT_TRUE(volume->setattr(scope_, user(7), file, times({1, 0}, {2, 0})));
}

TEST_P(Setattr, OnlyRootGivesFilesAway) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_owner(file, 7, 7);
  EXPECT_EQ(volume->setattr(scope_, user(7), file, owner(8, {})).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->setattr(scope_, user(7), file, owner({}, 9)).code(), Code::kNotPermitted);
  Caller member = user(7);
  member.groups.push_back(9);
  EXPECT_TRUE(volume->setattr(scope_, member, file, owner({}, 9)));
  EXPECT_TRUE(volume->setattr(scope_, member, file, owner(7, 9))) << "to whom it belongs already";
  EXPECT_EQ(volume.attr(file).gid, 9u);
}

TEST_P(Setattr, AGroupThatOnlyTheKernelKnowsIsBelieved) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_owner(file, 7, 7);
  Caller kernel = user(7);
  kernel.groups.clear();
  EXPECT_TRUE(volume->setattr(scope_, kernel, file, owner({}, 9)));
}

TEST_P(Setattr, ANewOwnerDoesNotInheritSetuid) {
  TestVolume volume(GetParam());
  const Ino program = volume.make_file(kRootIno, "a"), data = volume.make_file(kRootIno, "b"),
            directory = volume.make_directory(kRootIno, "d");
  for (const Ino ino : {program, directory}) volume.set_mode(ino, 06755);
  volume.set_mode(data, 06644);
  for (const Ino ino : {program, data, directory}) volume.set_owner(ino, 7, 7);
  EXPECT_EQ(volume.attr(program).mode, 0755);
  EXPECT_EQ(volume.attr(data).mode, 02644) << "without group execution the bit means locking, and root leaves it";
  EXPECT_EQ(volume.attr(directory).mode, 06755);
  volume.set_owner(data, 7, 50);
  volume.set_mode(data, 06644);
  ASSERT_TRUE(volume->setattr(scope_, user(7), data, owner({}, 7)));
  EXPECT_EQ(volume.attr(data).mode, 0644) << "it was another group's";
}

TEST_P(Setattr, AStrangerToTheGroupDoesNotSetItsBit) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_owner(file, 7, 50);
  ASSERT_TRUE(volume->setattr(scope_, user(7), file, mode(02755)));
  EXPECT_EQ(volume.attr(file).mode, 0755);
}

TEST_P(Setattr, TimesKeepTheirNanoseconds) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const Timestamp atime{1700000000, 123456789}, mtime{4102444800, 999999999};
  ASSERT_TRUE(volume->setattr(scope_, root(), file, times(atime, mtime)));
  EXPECT_EQ(volume.attr(file).atime, atime);
  EXPECT_EQ(volume.attr(file).mtime, mtime);
}

TEST_P(Setattr, TimesBeforeTheEpochBecomeTheEpoch) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->setattr(scope_, root(), file, times({-6, 500000000}, {-1, 0})));
  EXPECT_EQ(volume.attr(file).atime, (Timestamp{0, 0}));
  EXPECT_EQ(volume.attr(file).mtime, (Timestamp{0, 0}));
}

TEST_P(Setattr, NowIsTheClocks) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.pass(std::chrono::seconds(5));
  AttrChange change;
  change.atime_now = change.mtime_now = true;
  ASSERT_TRUE(volume->setattr(scope_, user(9), file, change));
  EXPECT_EQ(volume.attr(file).atime, volume.now());
  EXPECT_EQ(volume.attr(file).mtime, volume.now());
}

TEST_P(Setattr, FlagsAreRootsAndFixWhatTheySay) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.set_owner(file, 7, 7);
  AttrChange flags;
  flags.flags = kFlagImmutable;
  EXPECT_EQ(volume->setattr(scope_, user(7), file, flags).code(), Code::kNotPermitted);
  ASSERT_TRUE(volume->setattr(scope_, root(), file, flags));
  AttrChange now;
  now.mtime_now = true;
  EXPECT_EQ(volume->setattr(scope_, root(), file, mode(0600)).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->setattr(scope_, root(), file, now).code(), Code::kNotPermitted);
  flags.flags = kFlagAppend;
  ASSERT_TRUE(volume->setattr(scope_, root(), file, flags));
  EXPECT_EQ(volume->setattr(scope_, root(), file, mode(0600)).code(), Code::kNotPermitted);
  EXPECT_TRUE(volume->setattr(scope_, root(), file, now)) << "who appends moves the times";
}

TEST_P(Setattr, WhatIsNotThereIsNotFound) {
  TestVolume volume(GetParam());
  EXPECT_EQ(volume->setattr(scope_, root(), Ino{77}, mode(0600)).code(), Code::kNotFound);
}

}  // namespace
}  // namespace headrace::meta
