// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::DirStatsKey;
using records::DirStatsRecord;
using testing::root;
using testing::TestVolume;
using testing::user;

class Mknod : public testing::EachEngine {
 protected:
  static NewNode node(FileType type, std::uint16_t mode = 0644) {
    NewNode node;
    node.type = type;
    node.mode = mode;
    return node;
  }
};
ON_EACH_ENGINE(Mknod);

TEST_P(Mknod, ANewFileIsItsCreatorsAndEmpty) {
  TestVolume volume(GetParam());
  Caller caller = user(7);
  caller.gid = 8;
  caller.umask = 022;
  const auto made = volume->mknod(scope_, caller, kRootIno, "a", node(FileType::kRegular, 0666));
  ASSERT_TRUE(made);
  const Attr attr = volume.attr(made->ino);
  EXPECT_EQ(attr, made->attr);
  EXPECT_EQ(attr.mode, 0644);
  EXPECT_EQ(attr.uid, 7u);
  EXPECT_EQ(attr.gid, 8u);
  EXPECT_EQ(attr.nlink, 1u);
  EXPECT_EQ(attr.length, 0u);
  EXPECT_EQ(attr.parent, kRootIno);
  EXPECT_EQ(attr.atime, volume.now());
  EXPECT_EQ(attr.mtime, volume.now());
  EXPECT_EQ(attr.ctime, volume.now());
}

TEST_P(Mknod, EveryInodeCostsABlockAndIsCounted) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  const Ino directory = volume.make_directory(kRootIno, "d");
  volume.make_file(directory, "b");
  EXPECT_EQ(volume.counter("usedSpace"), 3 * 4096);
  EXPECT_EQ(volume.counter("totalInodes"), 3);
  EXPECT_EQ(volume.record(DirStatsKey{kRootIno}), (DirStatsRecord{0, 2 * 4096, 2}));
  EXPECT_EQ(volume.record(DirStatsKey{directory}), (DirStatsRecord{0, 4096, 1}));
}

TEST_P(Mknod, ADirectoryCountsInItsParentsLinks) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d");
  EXPECT_EQ(volume.attr(directory).nlink, 2u);
  EXPECT_EQ(volume.attr(directory).length, 4096u);
  EXPECT_EQ(volume.attr(kRootIno).nlink, 3u);
  volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume.attr(kRootIno).nlink, 3u);
}

TEST_P(Mknod, TheParentsTimesMove) {
  TestVolume volume(GetParam());
  volume.pass(std::chrono::milliseconds(1));
  volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume.attr(kRootIno).mtime, volume.now());
  EXPECT_EQ(volume.attr(kRootIno).ctime, volume.now());
}

TEST_P(Mknod, WhoAsksForLazyDirectoryTimesGetsThem) {
  TestVolume volume(GetParam());
  VolumeOptions options;
  options.skip_dir_mtime = std::chrono::milliseconds(100);
  const auto lazy = volume.open_another(options);
  ASSERT_TRUE(lazy->mknod(scope_, root(), kRootIno, "a", node(FileType::kRegular)));
  const Timestamp before = volume.attr(kRootIno).mtime;
  volume.pass(std::chrono::milliseconds(50));
  ASSERT_TRUE(lazy->mknod(scope_, root(), kRootIno, "b", node(FileType::kRegular)));
  EXPECT_EQ(volume.attr(kRootIno).mtime, before);
  ASSERT_TRUE(lazy->mknod(scope_, root(), kRootIno, "c", node(FileType::kDirectory)));
  EXPECT_EQ(volume.attr(kRootIno).mtime, volume.now()) << "nlink changed, so the record is written anyway";
}

TEST_P(Mknod, ASymlinkKeepsItsTarget) {
  TestVolume volume(GetParam());
  NewNode symlink = node(FileType::kSymlink);
  symlink.symlink_target = "../there";
  const auto made = volume->mknod(scope_, root(), kRootIno, "s", symlink);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->attr.mode, 0777);
  EXPECT_EQ(made->attr.length, 8u);
  EXPECT_EQ(volume->readlink(scope_, made->ino).value(), "../there");
  EXPECT_EQ(volume->readlink(scope_, kRootIno).code(), Code::kInvalid);
}

TEST_P(Mknod, ATargetHasABound) {
  TestVolume volume(GetParam());
  NewNode symlink = node(FileType::kSymlink);
  symlink.symlink_target = std::string(kSymlinkBytesMax, 'x');
  EXPECT_EQ(volume->mknod(scope_, root(), kRootIno, "s", symlink).code(), Code::kNameTooLong);
  symlink.symlink_target.pop_back();
  EXPECT_TRUE(volume->mknod(scope_, root(), kRootIno, "s", symlink));
  symlink.symlink_target.clear();
  EXPECT_EQ(volume->mknod(scope_, root(), kRootIno, "t", symlink).code(), Code::kInvalid);
}

TEST_P(Mknod, OnlyDevicesHaveNumbers) {
  TestVolume volume(GetParam());
  NewNode device = node(FileType::kCharDevice);
  device.rdev = 0x0103;
  EXPECT_EQ(volume->mknod(scope_, root(), kRootIno, "null", device)->attr.rdev, 0x0103u);
  device.type = FileType::kFifo;
  EXPECT_EQ(volume->mknod(scope_, root(), kRootIno, "fifo", device)->attr.rdev, 0u);
}

TEST_P(Mknod, ASetgidDirectoryGivesItsGroupOn) {
  TestVolume volume(GetParam());
  const Ino shared = volume.make_directory(kRootIno, "shared");
  volume.set_owner(shared, 0, 50);
  volume.set_mode(shared, 02777);
  const auto file = volume->mknod(scope_, user(7), shared, "a", node(FileType::kRegular, 02755));
  EXPECT_EQ(file->attr.gid, 50u);
  EXPECT_EQ(file->attr.mode, 0755) << "a program with the group's rights is not for strangers to make";
  const auto directory = volume->mknod(scope_, user(7), shared, "d", node(FileType::kDirectory, 0755));
  EXPECT_EQ(directory->attr.gid, 50u);
  EXPECT_EQ(directory->attr.mode, 02755);
  Caller member = user(7);
  member.groups = {50};
  EXPECT_EQ(volume->mknod(scope_, member, shared, "b", node(FileType::kRegular, 02755))->attr.mode, 02755);
}

TEST_P(Mknod, OfTheParentsFlagsOnlySkipTrashIsInherited) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d");
  volume.set_flags(directory, kFlagSkipTrash | kFlagAppend);
  EXPECT_EQ(volume.attr(volume.make_file(directory, "a")).flags, kFlagSkipTrash);
}

TEST_P(Mknod, WhatExistsIsNotReplaced) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume->mknod(scope_, root(), kRootIno, "a", node(FileType::kDirectory)).code(), Code::kExists);
  EXPECT_EQ(volume->lookup(scope_, kRootIno, "a")->ino, file);
  EXPECT_EQ(volume.counter("totalInodes"), 1);
}

TEST_P(Mknod, TheParentMustBeADirectoryThatMayChange) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a"), fixed = volume.make_directory(kRootIno, "fixed");
  volume.set_flags(fixed, kFlagImmutable);
  EXPECT_EQ(volume->mknod(scope_, root(), file, "b", node(FileType::kRegular)).code(), Code::kNotDirectory);
  EXPECT_EQ(volume->mknod(scope_, root(), Ino{77}, "b", node(FileType::kRegular)).code(), Code::kNotFound);
  EXPECT_EQ(volume->mknod(scope_, root(), fixed, "b", node(FileType::kRegular)).code(), Code::kNotPermitted);
}

TEST_P(Mknod, NamesThatCannotBeAreRefused) {
  TestVolume volume(GetParam());
  const auto make = [&](std::string_view name) {
    return volume->mknod(scope_, root(), kRootIno, name, node(FileType::kRegular));
  };
  EXPECT_EQ(make("").code(), Code::kInvalid);
  EXPECT_EQ(make(".").code(), Code::kInvalid);
  EXPECT_EQ(make("..").code(), Code::kInvalid);
  EXPECT_EQ(make("a/b").code(), Code::kInvalid);
  EXPECT_EQ(make(std::string_view("a\0b", 3)).code(), Code::kInvalid);
  EXPECT_EQ(make(std::string(256, 'x')).code(), Code::kNameTooLong);
  EXPECT_EQ(make(".trash").code(), Code::kNotPermitted);
  EXPECT_TRUE(make(std::string(255, 'x')));
}

TEST_P(Mknod, NoDirectoryHasMoreLinksThanItCanCount) {
  TestVolume volume(GetParam());
  Attr attr = volume.attr(kRootIno);
  attr.nlink = 0x7FFFFFFF;
  volume.put_record(records::InodeKey{kRootIno}, attr);
  EXPECT_EQ(volume->mknod(scope_, root(), kRootIno, "d", node(FileType::kDirectory)).code(), Code::kTooManyLinks);
  EXPECT_TRUE(volume->mknod(scope_, root(), kRootIno, "a", node(FileType::kRegular)));
}

TEST_P(Mknod, AFullVolumeTakesNoMore) {
  VolumeFormat format = testing::plain_format();
  format.capacity_bytes = 3 * 4096;
  format.inodes_max = 2;
  TestVolume volume(GetParam(), format);
  volume.make_file(kRootIno, "a");
  const Ino directory = volume.make_directory(kRootIno, "d");
  EXPECT_EQ(volume->mknod(scope_, root(), directory, "b", node(FileType::kRegular)).code(), Code::kNoSpace)
      << "no inode is left";
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_TRUE(volume->mknod(scope_, root(), directory, "b", node(FileType::kRegular)));
}

TEST_P(Mknod, AFileWithoutANameIsHeldAndGoesWithItsRelease) {
  TestVolume volume(GetParam());
  const auto made = volume->create_unnamed(scope_, root(), kRootIno, node(FileType::kRegular));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->attr.nlink, 0u);
  volume.write(made->ino, 0, 100);
  EXPECT_TRUE(volume.names(kRootIno).empty());
  ASSERT_TRUE(volume->release(scope_, made->ino));
  EXPECT_EQ(volume->getattr(scope_, made->ino).code(), Code::kNotFound);
  EXPECT_EQ(volume.counter("usedSpace"), 0);
  EXPECT_EQ(volume.counter("totalInodes"), 0);
}

TEST_P(Mknod, AReadOnlyVolumeMakesNothing) {
  TestVolume volume(GetParam());
  VolumeOptions options;
  options.is_read_only = true;
  const auto reader = volume.open_another(options);
  EXPECT_EQ(reader->mknod(scope_, root(), kRootIno, "a", node(FileType::kRegular)).code(), Code::kReadOnly);
  EXPECT_EQ(reader->new_slice_id(scope_).code(), Code::kReadOnly);
  EXPECT_EQ(reader->session(), SessionId{0});
}

}  // namespace
}  // namespace headrace::meta
