// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;
using testing::user;

class Unlink : public testing::EachEngine {};
ON_EACH_ENGINE(Unlink);

TEST_P(Unlink, AFileThatNobodyHoldsIsGoneAndLeftForRelease) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 5000);
  const auto removed = volume->unlink(scope_, root(), kRootIno, "a");
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->is_gone);
  EXPECT_EQ(volume->getattr(scope_, file).code(), Code::kNotFound);
  EXPECT_EQ(volume.record(records::DeletedFileKey{file})->length, 5000u);
  EXPECT_EQ(volume.counter("usedSpace"), 0);
  EXPECT_EQ(volume.counter("totalInodes"), 0);
}

TEST_P(Unlink, AHeldFileStaysReadableUntilTheLastRelease) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 10);
  ASSERT_TRUE(volume->hold(scope_, file));
  ASSERT_TRUE(volume->hold(scope_, file));
  const auto removed = volume->unlink(scope_, root(), kRootIno, "a");
  ASSERT_TRUE(removed);
  EXPECT_FALSE(removed->is_gone);
  EXPECT_EQ(volume.attr(file).nlink, 0u);
  EXPECT_EQ(volume.counter("usedSpace"), 4096);

  ASSERT_TRUE(volume->release(scope_, file));
  EXPECT_EQ(volume->chunk(scope_, file, ChunkIndex{0})->extents.size(), 1u);
  ASSERT_TRUE(volume->release(scope_, file));
  EXPECT_EQ(volume->getattr(scope_, file).code(), Code::kNotFound);
  EXPECT_TRUE(volume.record(records::DeletedFileKey{file}));
  EXPECT_EQ(volume.counter("usedSpace"), 0);
}

TEST_P(Unlink, AFileThatIsGoneCannotBeHeld) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_EQ(volume->hold(scope_, file).code(), Code::kNotFound);
}

TEST_P(Unlink, AnotherNameKeepsTheFile) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "b"));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_EQ(volume.attr(file).nlink, 1u);
  EXPECT_EQ(volume.attr(file).parent, Ino{0});
  EXPECT_EQ(volume.names(kRootIno), std::vector<std::string>{"b"});
}

TEST_P(Unlink, ADirectoryIsNotUnlinked) {
  TestVolume volume(GetParam());
  volume.make_directory(kRootIno, "d");
  EXPECT_EQ(volume->unlink(scope_, root(), kRootIno, "d").code(), Code::kIsDirectory);
}

TEST_P(Unlink, OnlyTheOwnerRemovesFromAStickyDirectory) {
  TestVolume volume(GetParam());
  const Ino tmp = volume.make_directory(kRootIno, "tmp");
  volume.set_mode(tmp, 01777);
  const Ino file = volume.make_file(tmp, "a");
  volume.set_owner(file, 7, 7);
  EXPECT_EQ(volume->unlink(scope_, user(8), tmp, "a").code(), Code::kNotPermitted);
  EXPECT_TRUE(volume->unlink(scope_, user(7), tmp, "a"));
}

TEST_P(Unlink, ImmutableFilesAndAppendOnlyDirectoriesKeepTheirNames) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d");
  const Ino file = volume.make_file(directory, "a");
  volume.set_flags(file, kFlagImmutable);
  EXPECT_EQ(volume->unlink(scope_, root(), directory, "a").code(), Code::kNotPermitted);
  volume.set_flags(file, 0);
  volume.set_flags(directory, kFlagAppend);
  EXPECT_EQ(volume->unlink(scope_, root(), directory, "a").code(), Code::kNotPermitted);
}

TEST_P(Unlink, AnEntryWithoutAnInodeCanBeRemoved) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.erase_record(records::InodeKey{file});
  EXPECT_TRUE(volume->lookup(scope_, kRootIno, "a"));
  EXPECT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_TRUE(volume.names(kRootIno).empty());
}

TEST_P(Unlink, TheTimesOfTheDirectoryAndOfTheFileMove) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "b"));
  volume.pass(std::chrono::seconds(3));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_EQ(volume.attr(kRootIno).mtime, volume.now());
  EXPECT_EQ(volume.attr(kRootIno).ctime, volume.now());
  EXPECT_EQ(volume.attr(file).ctime, volume.now());
}

}  // namespace
}  // namespace headrace::meta
