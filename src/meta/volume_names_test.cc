// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;

class Names : public testing::EachEngine {};
ON_EACH_ENGINE(Names);

TEST_P(Names, ADirectoryIsListedInPartsByName) {
  TestVolume volume(GetParam());
  for (const char* name : {"c", "a", "d", "b"}) volume.make_file(kRootIno, name);
  const auto first = volume->readdir(scope_, kRootIno, "", 3, false);
  ASSERT_EQ(first->size(), 3u);
  EXPECT_EQ(first->back().name, "c");
  EXPECT_FALSE(first->back().attr);
  const auto rest = volume->readdir(scope_, kRootIno, "c", 3, true);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ(rest->front().name, "d");
  EXPECT_EQ(rest->front().attr, volume.attr(rest->front().ino));
}

TEST_P(Names, AListingGoesOnWhereItWasWhileNamesComeAndGo) {
  TestVolume volume(GetParam());
  for (const char* name : {"a", "b", "c"}) volume.make_file(kRootIno, name);
  const auto first = volume->readdir(scope_, kRootIno, "", 2, false);
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "b"));
  volume.make_file(kRootIno, "aa");
  const auto rest = volume->readdir(scope_, kRootIno, first->back().name, 10, false);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ(rest->front().name, "c");
}

TEST_P(Names, AnEntryWithoutAnInodeIsListedWithoutAttributes) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.make_file(kRootIno, "b");
  volume.erase_record(records::InodeKey{file});
  const auto all = volume->readdir(scope_, kRootIno, "", 10, true);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_FALSE(all->front().attr);
  EXPECT_TRUE(all->back().attr);
}

TEST_P(Names, OnlyDirectoriesAreListed) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume->readdir(scope_, file, "", 10, false).code(), Code::kNotDirectory);
  EXPECT_EQ(volume->readdir(scope_, Ino{77}, "", 10, false).code(), Code::kNotFound);
}

TEST_P(Names, PathsLeadFromTheRoot) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_directory(kRootIno, "1"), two = volume.make_directory(one, "2"),
            file = volume.make_file(two, "a");
  EXPECT_EQ(volume->paths_of(scope_, file, 10).value(), std::vector<std::string>{"/1/2/a"});
  EXPECT_EQ(volume->paths_of(scope_, two, 10).value(), std::vector<std::string>{"/1/2"});
  EXPECT_EQ(volume->paths_of(scope_, kRootIno, 10).value(), std::vector<std::string>{"/"});
  EXPECT_EQ(volume->paths_of(scope_, Ino{77}, 10).code(), Code::kNotFound);
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "b"));
  EXPECT_EQ(volume->paths_of(scope_, file, 1)->size(), 1u);
}

TEST_P(Names, AParentIsFoundForLinksToo) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d"), file = volume.make_file(directory, "a");
  EXPECT_EQ(volume->parent_of(scope_, file), directory);
  ASSERT_TRUE(volume->link(scope_, root(), file, directory, "b"));
  EXPECT_EQ(volume->parent_of(scope_, file), directory);
  EXPECT_EQ(volume->parent_of(scope_, kRootIno), kRootIno);
}

TEST_P(Names, NumbersAreNotGivenTwice) {
  TestVolume volume(GetParam());
  const auto other = volume.open_another();
  const Ino mine = volume.make_file(kRootIno, "a");
  const auto theirs = other->mknod(scope_, root(), kRootIno, "b", {});
  EXPECT_NE(mine, theirs->ino);
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_NE(volume.make_file(kRootIno, "c"), mine);
}

}  // namespace
}  // namespace headrace::meta
