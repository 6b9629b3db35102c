// SPDX-License-Identifier: Apache-2.0
// The table of open files: what an opener read before a commit never takes the file back.
#include "vfs/open_file.h"

#include <gtest/gtest.h>

#include "vfs/testing/test_mount.h"

namespace headrace::vfs {
namespace {

class FileTableTest : public ::testing::Test {
 protected:
  ReadAttr read() {
    const Commits::Mark asked = mount_.commits.mark();
    return {mount_.volume.attr(ino_), asked};
  }
  void append(const std::shared_ptr<OpenFile>& file, std::string_view text) {
    ASSERT_TRUE(file->bytes().write(scope_, 0, true, bytes_of(text), nullptr));
    ASSERT_TRUE(file->bytes().flush(scope_));
  }

  testing::TestMount mount_;
  const Scope scope_;
  const Ino ino_ = mount_.new_file("f");
  NodeTable nodes_{0};
  FileTable files_{mount_.context, nodes_};
};

TEST_F(FileTableTest, WhatWasReadBeforeACommitIsReadAgain) {
  const auto file = files_.acquire(scope_, ino_, read())->file;
  const ReadAttr old = read();
  append(file, "hello");
  const Result<Acquired> second = files_.acquire(scope_, ino_, old);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->file, file);
  EXPECT_EQ(second->attr.length, 5u);
  EXPECT_EQ(file->bytes().length(), 5u);
}

TEST_F(FileTableTest, WhatWasReadBeforeAFileCameAndWentIsReadAgain) {
  const ReadAttr old = read();
  {
    const auto file = files_.acquire(scope_, ino_, read())->file;
    append(file, "hello");
    files_.drop_if_idle(file);
  }
  ASSERT_EQ(files_.find(ino_), nullptr);
  const Result<Acquired> second = files_.acquire(scope_, ino_, old);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->attr.length, 5u);
  EXPECT_EQ(second->file->bytes().length(), 5u);
}

TEST_F(FileTableTest, WhatIsGoneWhenItIsReadAgainIsNotOpened) {
  const ReadAttr old = read();
  mount_.commits.note(ino_);
  ASSERT_TRUE(mount_.volume->unlink(scope_, Caller{}, kRootIno, "f"));
  EXPECT_EQ(files_.acquire(scope_, ino_, old).code(), Code::kNotFound);
  EXPECT_EQ(files_.find(ino_), nullptr);
}

TEST(CommitsTest, TellsWhatMovedAfterAMarkFromWhatMovedBefore) {
  Commits commits;
  commits.note(Ino{7});
  const Commits::Mark mark = commits.mark();
  EXPECT_FALSE(commits.since(mark, Ino{7}));
  commits.note(Ino{8});
  EXPECT_FALSE(commits.since(mark, Ino{7}));
  EXPECT_TRUE(commits.since(mark, Ino{8}));
  EXPECT_FALSE(commits.since(commits.mark(), Ino{8}));
}

}  // namespace
}  // namespace headrace::vfs
