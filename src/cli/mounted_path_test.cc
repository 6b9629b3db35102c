// SPDX-License-Identifier: Apache-2.0
#include "cli/mounted_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "object/testing/temporary_directory.h"

namespace headrace::cli {
namespace {

class MountedPathTest : public testing::Test {
 protected:
  Program program_;
  Options options_;
  Environment environment_;
  Secrets secrets_;
  Terminal terminal_{Terminal::Streams{}};
  SystemScheduler scheduler_;
  Log log_{2, LogLevel::kOff};
  Scope scope_;
  Context context_{program_, options_, environment_, secrets_, terminal_, scheduler_, log_, scope_};
  object::TemporaryDirectory folder_;
};

TEST_F(MountedPathTest, WhatIsNotThereIsNotFoundAndWhatIsOnNoVolumeIsAConflict) {
  const auto missing = find_mounted(context_, folder_ / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().exit, Exit::kNotFound);
  const auto elsewhere = find_mounted(context_, folder_.path());
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().exit, Exit::kConflict);
}

TEST_F(MountedPathTest, TheRootIsTheFolderThatIsInodeOneAndPathsAreWithoutLinksAndDots) {
  // The root of a tmpfs is inode 1, as a volume's is.
  std::string shm = "/dev/shm";
  struct stat root;
  if (stat(shm.c_str(), &root) != 0 || root.st_ino != 1) GTEST_SKIP() << "/dev/shm is no tmpfs here";
  const object::TemporaryDirectory below(shm);
  const std::string name = below.path().substr(shm.size());
  std::filesystem::create_directories(below / "a/b");
  std::ofstream(below / "a/b/file") << "x";
  std::filesystem::create_symlink(below / "a/b", folder_ / "link");
  const auto file = find_mounted(context_, folder_ / "link/../b/file");
  ASSERT_TRUE(file) << file.error().what;
  EXPECT_EQ(file->mount_point, shm);
  EXPECT_EQ(file->in_volume, name + "/a/b/file");
  EXPECT_FALSE(file->is_directory);
  EXPECT_EQ(file->control_directory(), below / "a/b");
  const auto directory = find_mounted(context_, below / "a/./b/");
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->in_volume, name + "/a/b");
  EXPECT_EQ(directory->control_directory(), below / "a/b");
  const auto top = find_mounted(context_, shm);
  ASSERT_TRUE(top);
  EXPECT_EQ(top->in_volume, "/");
  const auto answer = ask_mount(context_, *top, ControlCommand::kInfo, "", [](std::uint64_t, std::uint64_t) {});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().what.find("control file"), std::string::npos);
}

}  // namespace
}  // namespace headrace::cli
