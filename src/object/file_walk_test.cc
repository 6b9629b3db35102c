// SPDX-License-Identifier: Apache-2.0
#include "object/file_walk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/rng.h"
#include "object/testing/temporary_directory.h"

namespace headrace::object {
namespace {

class FileWalkTest : public testing::Test {
 protected:
  void make(const std::string& key) {
    std::filesystem::create_directories(std::filesystem::path(directory_ / key).parent_path());
    std::ofstream(directory_ / key) << key;
  }
  std::vector<std::string> keys(FileWalk walk) {
    std::vector<std::string> found;
    while (true) {
      const auto next = walk.next();
      EXPECT_TRUE(next);
      if (!next || !next->has_value()) return found;
      found.push_back((*next)->key);
    }
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  FileTree tree_ = FileTree::open(directory_.path()).value();
};

TEST_F(FileWalkTest, ADirectoryLargerThanWhatIsHeldIsListedWhole) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  std::set<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string name = std::to_string(rng.below(1000));
    const std::string key = rng.below(3) == 0 ? name + "d/" + std::to_string(rng.below(9)) : name + "f";
    make(key);
    expected.insert(key);
  }
  const std::vector<std::string> all(expected.begin(), expected.end());
  for (const std::size_t names_max : {1u, 2u, 7u, 50u, 299u, 1000u}) {
    EXPECT_EQ(keys(FileWalk(tree_, clock_, "", "", names_max)), all) << names_max << " names held";
    const std::vector<std::string> rest(expected.upper_bound(all[77]), expected.end());
    EXPECT_EQ(keys(FileWalk(tree_, clock_, "", all[77], names_max)), rest) << names_max << " names held";
  }
}

TEST_F(FileWalkTest, OnlyRegularFilesAreObjects) {
  make("real");
  make("sub/real");
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("real", directory_ / "link");
  std::filesystem::create_symlink("/etc/passwd", directory_ / "out");
  std::filesystem::create_symlink("nowhere", directory_ / "dangling");
  std::filesystem::create_directory_symlink(".", directory_ / "loop");
  std::filesystem::create_directory(directory_ / "empty");
  EXPECT_EQ(keys(FileWalk(tree_, clock_, "", "")), (std::vector<std::string>{"link", "real", "sub/real"}));
}

TEST_F(FileWalkTest, AWalkKnowsWhenADirectoryChangedBehindIt) {
  make("a/1");
  make("a/2");
  make("b/1");
  // The stamps must be older than the reading by more than a tick.
  for (const char* path : {"", "a", "b"}) {
    const timespec past[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (directory_ / path).c_str(), past, 0), 0);
  }
  ManualClock later(Timestamp{clock_.wall().seconds + 3, 0});  // whole seconds: more than a tick in any case
  FileWalk walk(tree_, later, "", "");
  EXPECT_FALSE(walk.is_current()) << "nothing was read yet";
  EXPECT_EQ(walk.next().value()->key, "a/1");
  EXPECT_TRUE(walk.is_current());
  make("b/0");
  EXPECT_TRUE(walk.is_current()) << "b will be read when the walk comes to it";
  make("a/15");
  EXPECT_FALSE(walk.is_current());
}

TEST_F(FileWalkTest, AWalkOfAFreshlyChangedDirectoryIsNotTrusted) {
  make("a");
  make("b");
  ManualClock same_moment(clock_.wall());
  FileWalk walk(tree_, same_moment, "", "");
  EXPECT_EQ(walk.next().value()->key, "a");
  EXPECT_FALSE(walk.is_current());
}

}  // namespace
}  // namespace headrace::object
