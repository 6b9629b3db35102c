// SPDX-License-Identifier: Apache-2.0
// What warming does when the file changes under it, and when there is nothing left to bring.
#include "vfs/warmer.h"

#include <gtest/gtest.h>

#include "vfs/file_bytes.h"
#include "vfs/testing/test_mount.h"

namespace headrace::vfs {
namespace {

using testing::TestMount;

class WarmerTest : public ::testing::Test {
 protected:
  /// A file in the root of several slices.
  Ino new_file(std::string_view name) {
    const Ino ino = mount_.new_file(name);
    FileBytes bytes(mount_.context, ino, mount_.volume.attr(ino));
    for (const std::uint64_t offset : {0, 5, 10}) {
      EXPECT_TRUE(bytes.write({}, offset, false, bytes_of("hello"), nullptr));
      EXPECT_TRUE(bytes.flush({}));
    }
    return ino;
  }
  Result<WarmReport> run(WarmRequest::Action action) {
    return warmer_.run({}, {.paths = {"/"}, .threads = 1, .action = action}, [](std::uint64_t, std::uint64_t) {});
  }
  void lose_objects() {
    for (const records::Item& item : mount_.volume.all(records::Whole::kSliceRefs))
      ASSERT_TRUE(mount_.blocks.remove_slice({}, std::get<records::SliceRefKey>(item.key).id, 5));
  }

  TestMount mount_;
  WholeFiles whole_files_{mount_.context};
  Warmer warmer_{mount_.context, whole_files_};
};

TEST_F(WarmerTest, EveryFileBelowIsRead) {
  new_file("a");
  new_file("b");
  const Result<WarmReport> warmed = run(WarmRequest::Action::kWarmUp);
  ASSERT_TRUE(warmed) << warmed.error().text();
  EXPECT_EQ(warmed->files, 2u);
  EXPECT_EQ(warmed->bytes, 30u);
  EXPECT_EQ(mount_.blocks.reads(), 2u);
}

TEST_F(WarmerTest, WhatIsCompactedMeanwhileIsReadFromWhereItIsNow) {
  const Ino ino = new_file("a");
  mount_.blocks.before_next_read([&] { mount_.compact(ino, ChunkIndex{0}); });
  const Result<WarmReport> warmed = run(WarmRequest::Action::kWarmUp);
  ASSERT_TRUE(warmed) << warmed.error().text();
  EXPECT_EQ(warmed->files, 1u);
}

TEST_F(WarmerTest, AFileWhoseObjectsAreLostIsAnError) {
  new_file("a");
  lose_objects();
  EXPECT_EQ(run(WarmRequest::Action::kWarmUp).code(), Code::kIo);
}

TEST_F(WarmerTest, AFileThatIsRemovedMeanwhileIsPassedOver) {
  const Ino ino = new_file("a");
  mount_.blocks.before_next_read([&] {
    lose_objects();
    mount_.volume.erase_record(records::InodeKey{ino});
  });
  const Result<WarmReport> warmed = run(WarmRequest::Action::kWarmUp);
  ASSERT_TRUE(warmed) << warmed.error().text();
  EXPECT_EQ(warmed->files, 0u);
}

TEST_F(WarmerTest, ACheckSaysHowMuchIsNotHere) {
  new_file("a");
  const Result<WarmReport> checked = run(WarmRequest::Action::kCheck);
  ASSERT_TRUE(checked) << checked.error().text();
  EXPECT_EQ(checked->missing_bytes, 15u);
  EXPECT_EQ(mount_.blocks.reads(), 0u);
}

}  // namespace
}  // namespace headrace::vfs
