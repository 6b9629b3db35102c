// SPDX-License-Identifier: Apache-2.0
#include "object/file_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "object/testing/temporary_directory.h"

namespace headrace::object {
namespace {

TEST(FileTree, ATemporaryNameIsRecognisedAndOthersAreNot) {
  EXPECT_EQ(temporary_name("1_0_5", 34), ".jfs.1_0_5.tmp.17");
  EXPECT_EQ(temporary_name(std::string(250, 'n'), 0), ".jfs." + std::string(200, 'n') + ".tmp.0");
  EXPECT_TRUE(is_temporary_key("myjfs/chunks/0/0/.jfs.1_0_5.tmp.1234"));
  EXPECT_TRUE(is_temporary_key(temporary_name("x", ~0ull)));
  for (const char* other : {"a.tmp.1", ".jfs.a.tmp.", ".jfs.a.tmp.1x", ".jfs.1", ".jfs.a.tmp.1/b", ".jfs"})
    EXPECT_FALSE(is_temporary_key(other)) << other;
}

TEST(FileTree, APathKeyHasNoEmptyAndNoHugeComponent) {
  for (const char* good : {"a", "a/b", "a b/c"}) EXPECT_TRUE(is_path_key(good)) << good;
  for (const std::string& bad : {std::string("a//b"), std::string("a/"), std::string("/a"), std::string(256, 'x'),
                                 "a/" + std::string(256, 'x')}) {
    EXPECT_FALSE(is_path_key(bad)) << bad;
  }
  EXPECT_TRUE(is_path_key(std::string(255, 'x') + "/" + std::string(255, 'y')));
}

TEST(FileTree, NoLinkLeadsOutOfIt) {
  TemporaryDirectory outside, inside;
  std::filesystem::create_directory(outside / "d");
  std::filesystem::create_directory_symlink(outside / "d", inside / "absolute");
  std::filesystem::create_directory_symlink("../" + std::filesystem::path(outside.path()).filename().string(),
                                            inside / "relative");
  std::filesystem::create_directory(inside / "real");
  std::filesystem::create_directory_symlink("real", inside / "within");
  const FileTree tree = FileTree::open(inside.path()).value();
  for (const char* path : {"absolute", "relative", "relative/d", "real/../../x"}) {
    EXPECT_FALSE(tree.open_below(path, O_RDONLY | O_DIRECTORY).is_open()) << path;
    EXPECT_EQ(errno, EXDEV) << path;
  }
  EXPECT_TRUE(tree.open_below("within", O_RDONLY | O_DIRECTORY).is_open());
  std::vector<std::string> made;
  EXPECT_EQ(tree.open_or_make_directory("absolute/new", made).error().code, Code::kNotPermitted);
  EXPECT_FALSE(std::filesystem::exists(outside / "d/new"));
}

TEST(FileTree, MissingDirectoriesAreMadeAndNamed) {
  TemporaryDirectory directory;
  const FileTree tree = FileTree::open(directory.path()).value();
  const mode_t before = ::umask(0);
  std::vector<std::string> made;
  ASSERT_TRUE(tree.open_or_make_directory("a/b/c", made));
  ::umask(before);
  EXPECT_EQ(made, (std::vector<std::string>{"a", "a/b", "a/b/c"}));
  struct stat status{};
  ASSERT_EQ(::stat((directory / "a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0777u);
  made.clear();
  ASSERT_TRUE(tree.open_or_make_directory("a/b/d", made));
  EXPECT_EQ(made, (std::vector<std::string>{"a/b/d"}));
}

TEST(FileTree, ADirectoryThatIsNotThereIsSaidSo) {
  TemporaryDirectory directory;
  const auto missing = FileTree::open(directory / "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_NE(missing.error().text().find("missing"), std::string::npos);
}

}  // namespace
}  // namespace headrace::object
