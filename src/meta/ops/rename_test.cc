// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::DirStatsKey;
using records::DirStatsRecord;
using testing::root;
using testing::TestVolume;
using testing::user;

class Rename : public testing::EachEngine {
 protected:
  /// As root, without flags.
  Result<Renamed> move(TestVolume& volume, Ino from, std::string_view from_name, Ino to, std::string_view to_name,
                       std::uint32_t flags = 0) {
    return volume->rename(scope_, root(), from, from_name, to, to_name, flags);
  }
};
ON_EACH_ENGINE(Rename);

TEST_P(Rename, ANameMovesToAnotherDirectory) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_directory(kRootIno, "1"), two = volume.make_directory(kRootIno, "2"),
            file = volume.make_file(one, "a");
  volume.write(file, 0, 5000);
  volume.pass(std::chrono::seconds(1));
  const auto renamed = move(volume, one, "a", two, "b");
  ASSERT_TRUE(renamed);
  EXPECT_EQ(renamed->moved.ino, file);
  EXPECT_FALSE(renamed->replaced);
  EXPECT_TRUE(volume.names(one).empty());
  EXPECT_EQ(volume.names(two), std::vector<std::string>{"b"});
  EXPECT_EQ(volume.attr(file).parent, two);
  EXPECT_EQ(volume.record(DirStatsKey{one}), (DirStatsRecord{0, 0, 0}));
  EXPECT_EQ(volume.record(DirStatsKey{two}), (DirStatsRecord{5000, 8192, 1}));
}

TEST_P(Rename, TheTimesOfBothDirectoriesAndOfTheFileMove) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_directory(kRootIno, "1"), two = volume.make_directory(kRootIno, "2"),
            file = volume.make_file(one, "a");
  const Timestamp made = volume.now();
  volume.pass(std::chrono::seconds(1));
  ASSERT_TRUE(move(volume, one, "a", two, "a"));
  for (const Ino directory : {one, two}) {
    EXPECT_EQ(volume.attr(directory).mtime, volume.now());
    EXPECT_EQ(volume.attr(directory).ctime, volume.now());
  }
  EXPECT_EQ(volume.attr(file).ctime, volume.now());
  EXPECT_EQ(volume.attr(file).mtime, made);
}

TEST_P(Rename, ADirectoryTakesItsLinkAndItsWayBackAlong) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_directory(kRootIno, "1"), two = volume.make_directory(kRootIno, "2"),
            child = volume.make_directory(one, "c");
  ASSERT_TRUE(move(volume, one, "c", two, "c"));
  EXPECT_EQ(volume.attr(one).nlink, 2u);
  EXPECT_EQ(volume.attr(two).nlink, 3u);
  EXPECT_EQ(volume->lookup(scope_, child, "..")->ino, two);
}

TEST_P(Rename, AFileReplacesAFile) {
  TestVolume volume(GetParam());
  const Ino moved = volume.make_file(kRootIno, "a"), old = volume.make_file(kRootIno, "b");
  const auto renamed = move(volume, kRootIno, "a", kRootIno, "b");
  ASSERT_TRUE(renamed);
  ASSERT_TRUE(renamed->replaced);
  EXPECT_EQ(renamed->replaced->ino, old);
  EXPECT_TRUE(renamed->replaced->is_gone);
  EXPECT_EQ(volume->lookup(scope_, kRootIno, "b")->ino, moved);
  EXPECT_EQ(volume->getattr(scope_, old).code(), Code::kNotFound);
  EXPECT_EQ(volume.counter("totalInodes"), 1);
}

TEST_P(Rename, AReplacedFileThatIsHeldIsSustained) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  const Ino old = volume.make_file(kRootIno, "b");
  ASSERT_TRUE(volume->hold(scope_, old));
  const auto renamed = move(volume, kRootIno, "a", kRootIno, "b");
  EXPECT_FALSE(renamed->replaced->is_gone);
  EXPECT_EQ(volume.attr(old).nlink, 0u);
  ASSERT_TRUE(volume->release(scope_, old));
  EXPECT_EQ(volume->getattr(scope_, old).code(), Code::kNotFound);
}

TEST_P(Rename, AnEmptyDirectoryIsReplacedByADirectoryAlone) {
  TestVolume volume(GetParam());
  volume.make_directory(kRootIno, "d");
  const Ino full = volume.make_directory(kRootIno, "full"), empty = volume.make_directory(kRootIno, "empty");
  volume.make_file(kRootIno, "a");
  volume.make_file(full, "x");
  EXPECT_EQ(move(volume, kRootIno, "a", kRootIno, "empty").code(), Code::kIsDirectory);
  EXPECT_EQ(move(volume, kRootIno, "d", kRootIno, "a").code(), Code::kNotDirectory);
  EXPECT_EQ(move(volume, kRootIno, "d", kRootIno, "full").code(), Code::kNotEmpty);
  EXPECT_TRUE(move(volume, kRootIno, "d", kRootIno, "empty"));
  EXPECT_EQ(volume->getattr(scope_, empty).code(), Code::kNotFound);
  EXPECT_EQ(volume.attr(kRootIno).nlink, 4u);
}

TEST_P(Rename, NothingChangesBetweenTwoNamesOfOneFile) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "b"));
  ASSERT_TRUE(move(volume, kRootIno, "a", kRootIno, "b"));
  ASSERT_TRUE(move(volume, kRootIno, "a", kRootIno, "a"));
  EXPECT_EQ(volume.names(kRootIno), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(move(volume, kRootIno, "a", kRootIno, "b", kRenameNoReplace).code(), Code::kExists);
}

TEST_P(Rename, NoReplaceReplacesNothing) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  volume.make_file(kRootIno, "b");
  EXPECT_EQ(move(volume, kRootIno, "a", kRootIno, "b", kRenameNoReplace).code(), Code::kExists);
  EXPECT_TRUE(move(volume, kRootIno, "a", kRootIno, "c", kRenameNoReplace));
}

TEST_P(Rename, AnExchangeSwapsWhateverIsThere) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_directory(kRootIno, "1"), two = volume.make_directory(kRootIno, "2");
  const Ino file = volume.make_file(one, "a"), directory = volume.make_directory(two, "d");
  volume.make_file(directory, "inside");
  volume.write(file, 0, 5000);
  ASSERT_TRUE(move(volume, one, "a", two, "d", kRenameExchange));
  EXPECT_EQ(volume->lookup(scope_, one, "a")->ino, directory);
  EXPECT_EQ(volume->lookup(scope_, two, "d")->ino, file);
  EXPECT_EQ(volume.attr(one).nlink, 3u);
  EXPECT_EQ(volume.attr(two).nlink, 2u);
  EXPECT_EQ(volume.attr(directory).parent, one);
  EXPECT_EQ(volume.attr(file).parent, two);
  EXPECT_EQ(volume.record(DirStatsKey{one}), (DirStatsRecord{0, 4096, 1}));
  EXPECT_EQ(volume.record(DirStatsKey{two}), (DirStatsRecord{5000, 8192, 1}));
}

TEST_P(Rename, AnExchangeNeedsBoth) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  EXPECT_EQ(move(volume, kRootIno, "a", kRootIno, "b", kRenameExchange).code(), Code::kNotFound);
  EXPECT_EQ(move(volume, kRootIno, "a", kRootIno, "b", kRenameExchange | kRenameNoReplace).code(), Code::kInvalid);
  EXPECT_EQ(move(volume, kRootIno, "a", kRootIno, "b", 4).code(), Code::kInvalid) << "whiteouts are not made";
}

TEST_P(Rename, ADirectoryDoesNotMoveIntoItself) {
  TestVolume volume(GetParam());
  const Ino a = volume.make_directory(kRootIno, "a"), b = volume.make_directory(a, "b"),
            c = volume.make_directory(b, "c");
  EXPECT_EQ(move(volume, kRootIno, "a", a, "x").code(), Code::kInvalid);
  EXPECT_EQ(move(volume, kRootIno, "a", c, "x").code(), Code::kInvalid);
  EXPECT_EQ(move(volume, b, "c", kRootIno, "a", kRenameExchange).code(), Code::kInvalid);
  EXPECT_EQ(move(volume, b, "c", kRootIno, "a").code(), Code::kNotEmpty);
  EXPECT_TRUE(move(volume, b, "c", kRootIno, "c"));
}

TEST_P(Rename, AHardLinkedFileKeepsNoParent) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_directory(kRootIno, "1"), file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "b"));
  ASSERT_TRUE(move(volume, kRootIno, "b", one, "b"));
  EXPECT_EQ(volume.attr(file).parent, Ino{0});
  const auto paths = volume->paths_of(scope_, file, 10);
  EXPECT_EQ(std::set<std::string>(paths->begin(), paths->end()), (std::set<std::string>{"/a", "/1/b"}));
}

TEST_P(Rename, StickyDirectoriesProtectBothEnds) {
  TestVolume volume(GetParam());
  const Ino tmp = volume.make_directory(kRootIno, "tmp"), open = volume.make_directory(kRootIno, "open");
  volume.set_mode(tmp, 01777);
  volume.set_mode(open, 0777);
  const Ino theirs = volume.make_file(tmp, "theirs");
  volume.set_owner(theirs, 7, 7);
  volume.make_file(open, "mine");
  EXPECT_EQ(volume->rename(scope_, user(8), tmp, "theirs", open, "x", 0).code(), Code::kNotPermitted);
  EXPECT_EQ(volume->rename(scope_, user(8), open, "mine", tmp, "theirs", 0).code(), Code::kNotPermitted);
  EXPECT_TRUE(volume->rename(scope_, user(7), tmp, "theirs", open, "x", 0));
}

TEST_P(Rename, FixedThingsStayWhereTheyAre) {
  TestVolume volume(GetParam());
  const Ino fixed = volume.make_directory(kRootIno, "fixed"), a = volume.make_file(kRootIno, "a"),
            b = volume.make_file(kRootIno, "b");
  volume.make_file(fixed, "x");
  volume.set_flags(a, kFlagImmutable);
  EXPECT_EQ(move(volume, kRootIno, "a", kRootIno, "c").code(), Code::kNotPermitted);
  EXPECT_EQ(move(volume, kRootIno, "b", kRootIno, "a").code(), Code::kNotPermitted);
  volume.set_flags(fixed, kFlagAppend);
  EXPECT_EQ(move(volume, fixed, "x", kRootIno, "x").code(), Code::kNotPermitted);
  EXPECT_EQ(move(volume, kRootIno, "b", fixed, "x").code(), Code::kNotPermitted);
  EXPECT_TRUE(move(volume, kRootIno, "b", fixed, "y")) << "an append-only directory takes new names";
  EXPECT_EQ(volume.attr(b).parent, fixed);
}

TEST_P(Rename, WhatIsNotThereIsNotFound) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  EXPECT_EQ(move(volume, kRootIno, "x", kRootIno, "y").code(), Code::kNotFound);
  EXPECT_EQ(move(volume, kRootIno, "a", Ino{77}, "y").code(), Code::kNotFound);
  EXPECT_EQ(move(volume, kRootIno, "a", volume.make_file(kRootIno, "f"), "y").code(), Code::kNotDirectory);
  EXPECT_EQ(move(volume, kRootIno, "a", kRootIno, ".trash").code(), Code::kNotPermitted);
}

}  // namespace
}  // namespace headrace::meta
