// SPDX-License-Identifier: Apache-2.0
// Files that the kernel serves from a copy of this node: how they come to be, and that whoever writes beside them is
// seen.
#include <fcntl.h>

#include <utility>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "vfs/file_system.h"
#include "vfs/node_table.h"
#include "vfs/testing/fake_kernel.h"
#include "vfs/testing/test_mount.h"

namespace headrace::vfs {
namespace {

using testing::FakeKernel;
using testing::TestMount;

constexpr std::size_t kSize = 3u << 20;

class PassthroughTest : public ::testing::Test {
 protected:
  PassthroughTest() {
    FileSystemOptions options;
    options.background_jobs = false;
    system_ =
        std::make_unique<FileSystem>(*mount_.volume, mount_.blocks, mount_.tier, mount_.budget,
                                     mount_.volume.scheduler(), mount_.volume.log(), registry_, options, Providers{});
    system_->attach(&kernel_);
    const Result<FileSystem::Created> made = system_->create(scope_, root_, kRootNode, "big", 0644, O_WRONLY);
    node_ = made->entry.node;
    ino_ = made->entry.ino;
    write(made->opened, node_, 0, std::string(kSize, 'a'));
    close(made->opened, node_);
    mount_.volume.pass(std::chrono::seconds(5));
  }

  Opened open(NodeId node, int flags) {
    const Result<Opened> opened = system_->open(scope_, root_, node, flags);
    EXPECT_TRUE(opened) << opened.error().text();
    return opened.value_or(Opened{});
  }
  void write(const Opened& opened, NodeId node, std::uint64_t offset, std::string_view text) {
    EXPECT_TRUE(system_->write(scope_, opened.handle, node, offset, bytes_of(text), {}));
  }
  void close(const Opened& opened, NodeId node) {
    EXPECT_TRUE(system_->flush(scope_, opened.handle, node, LockOwner{1}));
    system_->release(scope_, opened.handle, node, {});
  }
  NodeEntry lookup() { return *system_->lookup(scope_, root_, kRootNode, "big"); }
  std::string read(const Opened& opened, NodeId node, std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    const Result<std::size_t> got =
        system_->read(scope_, opened.handle, node, offset, std::as_writable_bytes(std::span(text)));
    return got ? text.substr(0, *got) : got.error().text();
  }
  void wait_until_whole() {
    for (int i = 0; i < 20'000 && !system_->place_of(scope_, ino_)->is_whole; ++i)
      ASSERT_TRUE(pause(real_, Scope{}, std::chrono::milliseconds(1)));
    ASSERT_TRUE(system_->place_of(scope_, ino_)->is_whole);
  }
  /// Reads the file once, and waits until its copy is complete.
  void become_whole() {
    const NodeId node = lookup().node;
    const Opened opened = open(node, O_RDONLY);
    EXPECT_EQ(read(opened, node, 0, kSize), std::string(kSize, 'a'));
    wait_until_whole();
    close(opened, node);
  }

  TestMount mount_{64u << 20};
  SystemScheduler real_;
  const Scope scope_;
  const Caller root_;
  FakeKernel kernel_;
  metrics::Registry registry_;
  std::unique_ptr<FileSystem> system_;
  NodeId node_ = 0;
  Ino ino_;
};

TEST_F(PassthroughTest, AFileThatBecameWholeIsServedFromItsCopy) {
  become_whole();
  const Opened opened = open(lookup().node, O_RDONLY);
  ASSERT_EQ(opened.mode, OpenMode::kPass);
  EXPECT_EQ(kernel_.backing_text(opened.backing_id, 0, kSize + 1), std::string(kSize, 'a'));
  EXPECT_EQ(system_->place_of(scope_, ino_)->pass_handles, 1u);
  const Opened second = open(lookup().node, O_RDONLY);
  EXPECT_EQ(second.backing_id, opened.backing_id) << "one backing a number";
  close(opened, lookup().node);
  close(second, lookup().node);
}

TEST_F(PassthroughTest, DirectReadersThatHoldTheFileOpenSendTheNextReaderToAFreshNumber) {
  const Opened held = open(node_, O_RDONLY);
  ASSERT_EQ(held.mode, OpenMode::kDirect);
  EXPECT_EQ(read(held, node_, 0, kSize), std::string(kSize, 'a'));
  wait_until_whole();
  EXPECT_EQ(system_->open(scope_, root_, node_, O_RDONLY).code(), Code::kStale);
  const NodeEntry fresh = lookup();
  EXPECT_NE(fresh.node, node_);
  const Opened opened = open(fresh.node, O_RDONLY);
  EXPECT_EQ(opened.mode, OpenMode::kPass);
  close(opened, fresh.node);
  close(held, node_);
}

TEST_F(PassthroughTest, WhoOnlyLooksAtTheBeginningDoesNotBringTheFileIn) {
  const Opened opened = open(node_, O_RDONLY);
  EXPECT_EQ(read(opened, node_, 0, 4096), std::string(4096, 'a'));
  close(opened, node_);
  EXPECT_EQ(mount_.tier.stats().files, 0u);
}

TEST_F(PassthroughTest, WhoBeginsWithALongReadBringsTheFileIn) {
  const Opened opened = open(node_, O_RDONLY);
  EXPECT_EQ(read(opened, node_, 1u << 20, 1u << 20), std::string(1u << 20, 'a'));
  EXPECT_EQ(mount_.tier.stats().files, 0u) << "somewhere in the file";
  EXPECT_EQ(read(opened, node_, 0, 1u << 20), std::string(1u << 20, 'a'));
  wait_until_whole();
  close(opened, node_);
}

TEST_F(PassthroughTest, AHandleThatWasOpenBeforeReadsFromTheCopyUntilTheFileChanges) {
  const Opened held = open(node_, O_RDONLY);
  EXPECT_EQ(read(held, node_, 0, kSize), std::string(kSize, 'a'));
  wait_until_whole();
  const std::uint64_t reads = mount_.blocks.reads();
  EXPECT_EQ(read(held, node_, 1000, 5000), std::string(5000, 'a'));
  EXPECT_EQ(mount_.blocks.reads(), reads) << "the copy has these bytes";
  const Opened writer = open(node_, O_WRONLY);
  write(writer, node_, 1000, "new");
  EXPECT_EQ(read(held, node_, 999, 5), "anewa");
  close(writer, node_);
  EXPECT_EQ(read(held, node_, 999, 5), "anewa");
  close(held, node_);
}

TEST_F(PassthroughTest, AHandleThatAlsoWritesReadsFromTheCopyUntilTheFileChanges) {
  become_whole();
  const NodeId number = lookup().node;
  const std::uint64_t reads = mount_.blocks.reads();
  const Opened opened = open(number, O_RDWR);
  ASSERT_EQ(opened.mode, OpenMode::kDirect);
  EXPECT_EQ(read(opened, number, 1u << 20, 4096), std::string(4096, 'a'));
  EXPECT_EQ(read(opened, number, 4096, 4096), std::string(4096, 'a'));
  EXPECT_EQ(mount_.blocks.reads(), reads) << "the copy has these bytes";
  write(opened, number, 5000, "new");
  EXPECT_EQ(read(opened, number, 4999, 5), "anewa");
  const Opened second = open(lookup().node, O_RDWR);
  EXPECT_EQ(read(second, number, 4999, 5), "anewa") << "the copy is of what was committed";
  close(second, number);
  close(opened, number);
}

TEST_F(PassthroughTest, WhoComesRightAfterAChangeReadsFromTheCopy) {
  become_whole();
  SetAttr set;
  set.change.mtime_now = true;
  ASSERT_TRUE(system_->setattr(scope_, root_, node_, set));
  const NodeId number = lookup().node;
  const std::uint64_t reads = mount_.blocks.reads();
  const Opened opened = open(number, O_RDONLY);
  ASSERT_EQ(opened.mode, OpenMode::kDirect) << "its times say that it changed just now";
  EXPECT_EQ(read(opened, number, kSize - 4096, 4096), std::string(4096, 'a'));
  EXPECT_EQ(mount_.blocks.reads(), reads) << "the copy has these bytes";
  close(opened, number);
}

TEST_F(PassthroughTest, AWriteOnlyHandleBesideReadersIsSeenInTheirCopy) {
  become_whole();
  const NodeId number = lookup().node;
  const Opened reader = open(number, O_RDONLY);
  const Opened writer = open(number, O_WRONLY);
  ASSERT_EQ(writer.mode, OpenMode::kPassDirect);
  EXPECT_EQ(writer.backing_id, reader.backing_id);
  write(writer, number, 100, "seen at once");
  EXPECT_EQ(kernel_.backing_text(reader.backing_id, 100, 12), "seen at once");
  close(writer, number);
  close(reader, number);
}

TEST_F(PassthroughTest, AReadWriteHandleStandsOnAnotherNumberAndIsSeenInTheReadersCopy) {
  become_whole();
  const NodeId number = lookup().node;
  const Opened reader = open(number, O_RDONLY);
  ASSERT_EQ(reader.mode, OpenMode::kPass);
  EXPECT_EQ(system_->open(scope_, root_, number, O_RDWR).code(), Code::kStale);
  const NodeEntry fresh = lookup();
  const Opened writer = open(fresh.node, O_RDWR);
  EXPECT_EQ(writer.mode, OpenMode::kDirect);
  write(writer, fresh.node, kSize - 2, "grown");
  EXPECT_EQ(kernel_.backing_text(reader.backing_id, kSize - 2, 10), "grown");
  EXPECT_TRUE(kernel_.dropped_attributes_of(number)) << "the reader's fstat must show the new size";
  close(writer, fresh.node);
  close(reader, number);
}

TEST_F(PassthroughTest, WhatAMappingOfAnotherNumberStoredGoesBeforeAWrite) {
  become_whole();
  const NodeId readers = lookup().node;
  open(readers, O_RDONLY);
  EXPECT_EQ(system_->open(scope_, root_, readers, O_RDWR).code(), Code::kStale);
  const NodeId mapped = lookup().node;
  const Opened mapping = open(mapped, O_RDWR);
  const Opened writer = open(readers, O_WRONLY);
  // The kernel brings the page that it is told to drop, with its store, and with what was beside that.
  bool is_dirty = true;
  kernel_.on_drain = [&] {
    if (std::exchange(is_dirty, false))
      EXPECT_TRUE(system_->write(scope_, mapping.handle, mapped, 0, bytes_of("storeaaaaa"), {.from_page_cache = true}));
  };
  write(writer, readers, 5, "write");
  EXPECT_FALSE(is_dirty);
  EXPECT_EQ(read(mapping, mapped, 0, 11), "storewritea");
}

TEST_F(PassthroughTest, ATruncationIsSeenInTheReadersCopy) {
  become_whole();
  const NodeId number = lookup().node;
  const Opened reader = open(number, O_RDONLY);
  SetAttr set;
  set.size = 7;
  ASSERT_TRUE(system_->setattr(scope_, root_, number, set));
  EXPECT_EQ(kernel_.backing_text(reader.backing_id, 0, 100), "aaaaaaa");
  set.size = 9;
  ASSERT_TRUE(system_->setattr(scope_, root_, number, set));
  EXPECT_EQ(kernel_.backing_text(reader.backing_id, 0, 100), std::string("aaaaaaa\0\0", 9));
  close(reader, number);
}

TEST_F(PassthroughTest, APunchedHoleIsSeenInTheReadersCopy) {
  become_whole();
  const NodeId number = lookup().node;
  const Opened reader = open(number, O_RDONLY);
  const Opened writer = open(number, O_WRONLY);
  ASSERT_TRUE(system_->fallocate(scope_, root_, writer.handle, number,
                                 meta::kFallocateKeepSize | meta::kFallocatePunchHole, 1, 3));
  EXPECT_EQ(kernel_.backing_text(reader.backing_id, 0, 5), std::string("a\0\0\0a", 5));
  close(writer, number);
  close(reader, number);
}

TEST_F(PassthroughTest, AWrittenCopyIsNotServedToLaterReaders) {
  become_whole();
  const NodeId number = lookup().node;
  const Opened reader = open(number, O_RDONLY);
  const Opened writer = open(number, O_WRONLY);
  write(writer, number, 0, "new");
  close(writer, number);
  EXPECT_EQ(mount_.tier.stats().complete_files, 0u) << "the copy of the old bytes must have left the tier";
  mount_.volume.pass(std::chrono::seconds(5));
  // The number's own backing has been written along, so it still shows the file.
  const Opened again = open(number, O_RDONLY);
  EXPECT_EQ(again.mode, OpenMode::kPass);
  EXPECT_EQ(kernel_.backing_text(again.backing_id, 0, 3), "new");
  close(again, number);
  close(reader, number);
}

TEST_F(PassthroughTest, ABackingIsGivenBackWhenTheKernelForgetsTheNumber) {
  become_whole();
  const NodeEntry entry = lookup();
  const Opened reader = open(entry.node, O_RDONLY);
  close(reader, entry.node);
  EXPECT_TRUE(kernel_.released().empty()) << "a mapping may outlive the handle";
  system_->forget(entry.node, 1'000'000);
  EXPECT_EQ(kernel_.released(), std::vector<std::int32_t>{reader.backing_id});
}

TEST_F(PassthroughTest, AChangeByAnotherMountNeedsAFreshNumber) {
  become_whole();
  const NodeId number = lookup().node;
  const Opened reader = open(number, O_RDONLY);
  ASSERT_EQ(reader.mode, OpenMode::kPass);
  const std::unique_ptr<meta::Volume> other = mount_.volume.open_another();
  ASSERT_TRUE(other->truncate(scope_, root_, ino_, 10));
  mount_.volume.pass(std::chrono::seconds(5));
  EXPECT_EQ(system_->open(scope_, root_, number, O_RDONLY).code(), Code::kStale);
  close(reader, number);
}

}  // namespace
}  // namespace headrace::vfs
