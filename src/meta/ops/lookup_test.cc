// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::TestVolume;

class Lookup : public testing::EachEngine {};
ON_EACH_ENGINE(Lookup);

TEST_P(Lookup, ANameLeadsToItsInode) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a", 0640);
  const auto found = volume->lookup(scope_, kRootIno, "a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->ino, file);
  EXPECT_EQ(found->attr.mode, 0640);
}

TEST_P(Lookup, NamesAreBytes) {
  TestVolume volume(GetParam());
  const std::string name = "\xff\xfe caf\xe9";
  const Ino file = volume.make_file(kRootIno, name);
  EXPECT_EQ(volume->lookup(scope_, kRootIno, name)->ino, file);
  EXPECT_EQ(volume.names(kRootIno), std::vector<std::string>{name});
}

TEST_P(Lookup, DotsLeadToTheDirectoryAndItsParent) {
  TestVolume volume(GetParam());
  const Ino outer = volume.make_directory(kRootIno, "outer"), inner = volume.make_directory(outer, "inner");
  EXPECT_EQ(volume->lookup(scope_, inner, ".")->ino, inner);
  EXPECT_EQ(volume->lookup(scope_, inner, "..")->ino, outer);
  EXPECT_EQ(volume->lookup(scope_, kRootIno, "..")->ino, kRootIno);
}

TEST_P(Lookup, WhatIsNotThereIsNotFound) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume->lookup(scope_, kRootIno, "b").code(), Code::kNotFound);
  EXPECT_EQ(volume->lookup(scope_, Ino{99}, "b").code(), Code::kNotFound);
  EXPECT_EQ(volume->lookup(scope_, file, "b").code(), Code::kNotDirectory);
  EXPECT_EQ(volume->lookup(scope_, kRootIno, std::string(256, 'x')).code(), Code::kNameTooLong);
}

TEST_P(Lookup, TheTrashIsANameOfTheRootAlone) {
  VolumeFormat format = testing::plain_format();
  format.trash_days = 1;
  TestVolume volume(GetParam(), format);
  const Ino directory = volume.make_directory(kRootIno, "d");
  EXPECT_EQ(volume->lookup(scope_, kRootIno, ".trash")->ino, kTrashRoot);
  EXPECT_EQ(volume->lookup(scope_, kTrashRoot, "..")->ino, kRootIno);
  EXPECT_EQ(volume->lookup(scope_, directory, ".trash").code(), Code::kNotFound);
  EXPECT_TRUE(volume.names(kRootIno) == std::vector<std::string>{"d"}) << "it is not listed";
}

TEST_P(Lookup, AVolumeWithoutTrashHasNoNameForIt) {
  TestVolume volume(GetParam());
  EXPECT_EQ(volume->lookup(scope_, kRootIno, ".trash").code(), Code::kNotFound);
}

TEST_P(Lookup, AnEntryWithoutAnInodeShowsItsType) {
  TestVolume volume(GetParam());
  const Ino directory = volume.make_directory(kRootIno, "d");
  volume.erase_record(records::InodeKey{directory});
  const auto found = volume->lookup(scope_, kRootIno, "d");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->attr.type, FileType::kDirectory);
  EXPECT_EQ(found->attr.mode, 0);
}

}  // namespace
}  // namespace headrace::meta
