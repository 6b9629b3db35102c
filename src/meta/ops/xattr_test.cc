// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::root;
using testing::TestVolume;

class Xattr : public testing::EachEngine {};
ON_EACH_ENGINE(Xattr);

TEST_P(Xattr, WhatWasSetIsReadAndListed) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const std::string value("\0\xff bytes", 8);
  ASSERT_TRUE(volume->setxattr(scope_, file, "user.b", value, 0));
  ASSERT_TRUE(volume->setxattr(scope_, file, "user.a", "", 0));
  EXPECT_EQ(volume->getxattr(scope_, file, "user.b").value(), value);
  EXPECT_EQ(volume->getxattr(scope_, file, "user.a").value(), "");
  EXPECT_EQ(volume->listxattr(scope_, file).value(), (std::vector<std::string>{"user.a", "user.b"}));
}

TEST_P(Xattr, TheCtimeStays) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const Attr before = volume.attr(file);
  volume.pass(std::chrono::seconds(1));
  ASSERT_TRUE(volume->setxattr(scope_, file, "user.a", "1", 0));
  EXPECT_EQ(volume.attr(file), before);
}

TEST_P(Xattr, CreateAndReplaceSayWhatMustBeThere) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume->setxattr(scope_, file, "user.a", "1", kXattrReplace).code(), Code::kNoData);
  EXPECT_TRUE(volume->setxattr(scope_, file, "user.a", "1", kXattrCreate));
  EXPECT_EQ(volume->setxattr(scope_, file, "user.a", "2", kXattrCreate).code(), Code::kExists);
  EXPECT_TRUE(volume->setxattr(scope_, file, "user.a", "3", kXattrReplace));
  EXPECT_EQ(volume->getxattr(scope_, file, "user.a").value(), "3");
  EXPECT_EQ(volume->setxattr(scope_, file, "user.a", "3", kXattrCreate | kXattrReplace).code(), Code::kExists);
  EXPECT_EQ(volume->setxattr(scope_, file, "user.b", "3", kXattrCreate | kXattrReplace).code(), Code::kNoData);
  EXPECT_EQ(volume->setxattr(scope_, file, "user.a", "3", 4).code(), Code::kInvalid);
}

TEST_P(Xattr, WhatWasRemovedIsNoData) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->setxattr(scope_, file, "user.a", "1", 0));
  ASSERT_TRUE(volume->removexattr(scope_, file, "user.a"));
  EXPECT_EQ(volume->removexattr(scope_, file, "user.a").code(), Code::kNoData);
  EXPECT_EQ(volume->getxattr(scope_, file, "user.a").code(), Code::kNoData);
}

TEST_P(Xattr, NamesAndValuesHaveBounds) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const std::string name = "user." + std::string(250, 'x');
  EXPECT_TRUE(volume->setxattr(scope_, file, name, std::string(kXattrValueMax, 'v'), 0));
  EXPECT_EQ(volume->getxattr(scope_, file, name)->size(), kXattrValueMax);
  EXPECT_EQ(volume->setxattr(scope_, file, name + "x", "", 0).code(), Code::kRange);
  EXPECT_EQ(volume->setxattr(scope_, file, "user.a", std::string(kXattrValueMax + 1, 'v'), 0).code(), Code::kRange);
  EXPECT_EQ(volume->setxattr(scope_, file, "", "1", 0).code(), Code::kRange);
}

TEST_P(Xattr, FilesThatAreFixedOrGoneTakeNone) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_EQ(volume->setxattr(scope_, Ino{77}, "user.a", "1", 0).code(), Code::kNotFound);
  volume.set_flags(file, kFlagImmutable);
  EXPECT_EQ(volume->setxattr(scope_, file, "user.a", "1", 0).code(), Code::kNotPermitted);
}

TEST_P(Xattr, TheyGoWithTheirFile) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  for (const char* name : {"user.a", "user.b", "user.c"}) ASSERT_TRUE(volume->setxattr(scope_, file, name, "1", 0));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  EXPECT_TRUE(volume.all(records::Whole::kXattrs).empty());
}

}  // namespace
}  // namespace headrace::meta
