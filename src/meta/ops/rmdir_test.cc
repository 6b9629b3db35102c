// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;
using testing::user;

class Rmdir : public testing::EachEngine {};
ON_EACH_ENGINE(Rmdir);

TEST_P(Rmdir, AnEmptyDirectoryGoesWithAllThatHangsOnIt) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d");
  ASSERT_TRUE(volume->setxattr(scope_, directory, "user.a", "1", 0));
  const auto removed = volume->rmdir(scope_, root(), kRootIno, "d");
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->is_gone);
  EXPECT_EQ(volume->getattr(scope_, directory).code(), Code::kNotFound);
  EXPECT_EQ(volume.attr(kRootIno).nlink, 2u);
  EXPECT_EQ(volume.counter("usedSpace"), 0);
  EXPECT_EQ(volume.counter("totalInodes"), 0);
  EXPECT_FALSE(volume.record(records::DirStatsKey{directory}));
  EXPECT_TRUE(volume.all(records::Whole::kXattrs).empty());
}

TEST_P(Rmdir, ADirectoryThatHoldsSomethingStays) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d");
  volume.make_file(directory, "a");
  EXPECT_EQ(volume->rmdir(scope_, root(), kRootIno, "d").code(), Code::kNotEmpty);
  ASSERT_TRUE(volume->unlink(scope_, root(), directory, "a"));
  EXPECT_TRUE(volume->rmdir(scope_, root(), kRootIno, "d"));
}

TEST_P(Rmdir, OnlyDirectoriesAreRemovedSo) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume->rmdir(scope_, root(), kRootIno, "a").code(), Code::kNotDirectory);
  EXPECT_EQ(volume->rmdir(scope_, root(), kRootIno, "b").code(), Code::kNotFound);
  EXPECT_EQ(volume->rmdir(scope_, root(), kRootIno, "..").code(), Code::kInvalid);
}

TEST_P(Rmdir, StickyAndFixedDirectoriesAreRespected) {
  TestVolume volume(GetParam());
  const Ino tmp = volume.make_directory(kRootIno, "tmp"), mine = volume.make_directory(tmp, "mine");
  volume.set_mode(tmp, 01777);
  volume.set_owner(mine, 7, 7);
  EXPECT_EQ(volume->rmdir(scope_, user(8), tmp, "mine").code(), Code::kNotPermitted);
  volume.set_flags(mine, kFlagImmutable);
  EXPECT_EQ(volume->rmdir(scope_, root(), tmp, "mine").code(), Code::kNotPermitted);
  volume.set_flags(mine, 0);
  EXPECT_TRUE(volume->rmdir(scope_, user(7), tmp, "mine"));
}

TEST_P(Rmdir, NothingIsMadeInADirectoryThatIsGone) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d");
  ASSERT_TRUE(volume->rmdir(scope_, root(), kRootIno, "d"));
  EXPECT_EQ(volume->mknod(scope_, root(), directory, "a", {}).code(), Code::kNotFound);
}

}  // namespace
}  // namespace headrace::meta
