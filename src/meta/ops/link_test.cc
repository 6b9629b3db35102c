// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::DirStatsKey;
using records::DirStatsRecord;
using testing::root;
using testing::TestVolume;

class Link : public testing::EachEngine {};
ON_EACH_ENGINE(Link);

TEST_P(Link, AFileHasTwoNamesAndNoSingleParent) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d"), file = volume.make_file(kRootIno, "a");
  volume.pass(std::chrono::seconds(1));
  const auto linked = volume->link(scope_, root(), file, directory, "b");
  ASSERT_TRUE(linked);
  EXPECT_EQ(linked->attr.nlink, 2u);
  EXPECT_EQ(linked->attr.parent, Ino{0});
  EXPECT_EQ(linked->attr.ctime, volume.now());
  EXPECT_EQ(volume.attr(directory).mtime, volume.now());
  EXPECT_EQ(volume->lookup(scope_, directory, "b")->ino, file);
  const auto paths = volume->paths_of(scope_, file, 10);
  EXPECT_EQ(std::set<std::string>(paths->begin(), paths->end()), (std::set<std::string>{"/a", "/d/b"}));
}

TEST_P(Link, EveryNameCountsInItsDirectoryAndTheFileOnce) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d"), file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->link(scope_, root(), file, directory, "b"));
  volume.write(file, 0, 10'000);
  EXPECT_EQ(volume.counter("usedSpace"), 4096 + 12288);
  EXPECT_EQ(volume.record(DirStatsKey{directory}), (DirStatsRecord{10'000, 12288, 1}));
  EXPECT_EQ(volume.record(DirStatsKey{kRootIno}), (DirStatsRecord{10'000, 12288 + 4096, 2}));
}

TEST_P(Link, TwoNamesInOneDirectoryCountTwiceThere) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "b"));
  volume.write(file, 0, 5000);
  EXPECT_EQ(volume.record(DirStatsKey{kRootIno}), (DirStatsRecord{10'000, 2 * 8192, 2}));
}

TEST_P(Link, WhatCannotBeLinkedIsRefused) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d"), file = volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume->link(scope_, root(), directory, kRootIno, "e").code(), Code::kNotPermitted);
  EXPECT_EQ(volume->link(scope_, root(), file, kRootIno, "d").code(), Code::kExists);
  EXPECT_EQ(volume->link(scope_, root(), file, file, "x").code(), Code::kNotDirectory);
  EXPECT_EQ(volume->link(scope_, root(), Ino{77}, kRootIno, "x").code(), Code::kNotFound);
  volume.set_flags(file, kFlagAppend);
  EXPECT_EQ(volume->link(scope_, root(), file, kRootIno, "x").code(), Code::kNotPermitted);
}

TEST_P(Link, AFileHasNoMoreNamesThanItCanCount) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  Attr attr = volume.attr(file);
  attr.nlink = 0x7FFFFFFF;
  volume.put_record(records::InodeKey{file}, attr);
  EXPECT_EQ(volume->link(scope_, root(), file, kRootIno, "b").code(), Code::kTooManyLinks);
}

TEST_P(Link, AFileMadeWithoutANameCanGetOne) {
  TestVolume volume(GetParam());
  const auto made = volume->create_unnamed(scope_, root(), kRootIno, {});
  ASSERT_TRUE(made);
  const auto linked = volume->link(scope_, root(), made->ino, kRootIno, "a");
  ASSERT_TRUE(linked);
  EXPECT_EQ(linked->attr.nlink, 1u);
  EXPECT_EQ(linked->attr.parent, kRootIno);
  ASSERT_TRUE(volume->release(scope_, made->ino));
  EXPECT_EQ(volume.attr(made->ino).nlink, 1u) << "it has a name now, and stays";
}

TEST_P(Link, AFileThatAnotherClientHoldsWithoutANameStaysWithoutOne) {
  TestVolume volume(GetParam());
  const auto other = volume.open_another();
  const auto made = other->create_unnamed(scope_, root(), kRootIno, {});
  EXPECT_EQ(volume->link(scope_, root(), made->ino, kRootIno, "a").code(), Code::kNotFound);
}

}  // namespace
}  // namespace headrace::meta
