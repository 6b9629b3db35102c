// SPDX-License-Identifier: Apache-2.0
// The mount as a kernel lane sees it: numbers, names, handles, listings, locks, virtual files.
#include "vfs/file_system.h"

#include <fcntl.h>

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/mutex.h"
#include "vfs/node_table.h"
#include "vfs/testing/fake_kernel.h"
#include "vfs/testing/test_mount.h"

namespace headrace::vfs {
namespace {

using testing::FakeKernel;
using testing::TestMount;

class FileSystemTest : public ::testing::Test {
 protected:
  FileSystemTest() {
    FileSystemOptions options;
    options.background_jobs = false;
    providers_.stats_text = [] { return std::string("uptime 1\n"); };
    providers_.config_json = [] { return std::string("{}"); };
    system_ =
        std::make_unique<FileSystem>(*mount_.volume, mount_.blocks, mount_.tier, mount_.budget,
                                     mount_.volume.scheduler(), mount_.volume.log(), registry_, options, providers_);
    system_->attach(&kernel_);
  }

  FileSystem::Created create(std::string_view name, int flags = O_RDWR) {
    Result<FileSystem::Created> made = system_->create(scope_, root_, kRootNode, name, 0644, flags);
    EXPECT_TRUE(made) << made.error().text();
    return *made;
  }
  NodeEntry lookup(std::string_view name, NodeId parent = kRootNode) {
    Result<NodeEntry> found = system_->lookup(scope_, root_, parent, name);
    EXPECT_TRUE(found) << name << ": " << found.error().text();
    return found.value_or(NodeEntry{});
  }
  void write(const Opened& opened, NodeId node, std::uint64_t offset, std::string_view text) {
    const Result<std::size_t> wrote = system_->write(scope_, opened.handle, node, offset, bytes_of(text), {});
    ASSERT_TRUE(wrote) << wrote.error().text();
    EXPECT_EQ(*wrote, text.size());
  }
  std::string read(const Opened& opened, NodeId node, std::uint64_t offset = 0, std::size_t size = 1000) {
    std::string text(size, '?');
    const Result<std::size_t> got =
        system_->read(scope_, opened.handle, node, offset, std::as_writable_bytes(std::span(text)));
    if (!got) return "error: " + got.error().text();
    text.resize(*got);
    return text;
  }
  void close(const Opened& opened, NodeId node) {
    EXPECT_TRUE(system_->flush(scope_, opened.handle, node, LockOwner{1}));
    system_->release(scope_, opened.handle, node, {});
  }
  std::vector<std::string> names(NodeId directory, std::uint64_t& cookie, std::uint64_t handle, std::size_t at_most) {
    std::vector<std::string> names;
    EXPECT_TRUE(system_->readdir(scope_, root_, handle, directory, cookie, false, [&](const Listed& listed) {
      if (names.size() == at_most) return false;
      names.emplace_back(listed.name);
      cookie = listed.next_cookie;
      return true;
    }));
    return names;
  }

  TestMount mount_;
  const Scope scope_;
  const Caller root_;
  FakeKernel kernel_;
  metrics::Registry registry_;
  Providers providers_;
  std::unique_ptr<FileSystem> system_;
};

TEST_F(FileSystemTest, AFileIsSeenByItsNameAsSoonAsItIsMade) {
  const FileSystem::Created made = create("a");
  write(made.opened, made.entry.node, 0, "hello");
  const NodeEntry found = lookup("a");
  EXPECT_EQ(found.ino, made.entry.ino);
  EXPECT_EQ(found.attr.length, 5u) << "unflushed bytes count";
  close(made.opened, made.entry.node);
}

TEST_F(FileSystemTest, WhatOneHandleWritesEveryHandleReads) {
  const FileSystem::Created made = create("a");
  const Result<Opened> other = system_->open(scope_, root_, made.entry.node, O_RDONLY);
  ASSERT_TRUE(other);
  write(made.opened, made.entry.node, 0, "hello");
  EXPECT_EQ(read(*other, made.entry.node), "hello");
  close(made.opened, made.entry.node);
  close(*other, made.entry.node);
}

TEST_F(FileSystemTest, ACloseThatSucceededIsCommitted) {
  const FileSystem::Created made = create("a");
  write(made.opened, made.entry.node, 0, "hello");
  ASSERT_TRUE(system_->flush(scope_, made.opened.handle, made.entry.node, LockOwner{1}));
  EXPECT_EQ(mount_.volume.attr(made.entry.ino).length, 5u);
  system_->release(scope_, made.opened.handle, made.entry.node, {});
}

TEST_F(FileSystemTest, AnUnlinkedOpenFileIsReadableUntilItIsClosed) {
  const FileSystem::Created made = create("a");
  write(made.opened, made.entry.node, 0, "hello");
  ASSERT_TRUE(system_->unlink(scope_, root_, kRootNode, "a"));
  EXPECT_EQ(system_->lookup(scope_, root_, kRootNode, "a").code(), Code::kNotFound);
  EXPECT_EQ(read(made.opened, made.entry.node), "hello");
  close(made.opened, made.entry.node);
  EXPECT_EQ(system_->open(scope_, root_, made.entry.node, O_RDONLY).code(), Code::kStale);
}

TEST_F(FileSystemTest, ASmallQuietFileIsCachedAndKeepsItsPagesWhileItDoesNotChange) {
  const FileSystem::Created made = create("a");
  write(made.opened, made.entry.node, 0, "hello");
  close(made.opened, made.entry.node);
  mount_.volume.pass(std::chrono::seconds(5));
  const Result<Opened> first = system_->open(scope_, root_, made.entry.node, O_RDONLY);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->mode, OpenMode::kCached);
  EXPECT_FALSE(first->keep_cache);
  close(*first, made.entry.node);
  const Result<Opened> second = system_->open(scope_, root_, made.entry.node, O_RDONLY);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->keep_cache);
  close(*second, made.entry.node);
}

TEST_F(FileSystemTest, AWriterOfACachedFileGetsAFreshNumberAndTheOldPagesGo) {
  const FileSystem::Created made = create("a");
  close(made.opened, made.entry.node);
  mount_.volume.pass(std::chrono::seconds(5));
  const Result<Opened> reader = system_->open(scope_, root_, made.entry.node, O_RDONLY);
  ASSERT_TRUE(reader);
  EXPECT_EQ(system_->open(scope_, root_, made.entry.node, O_RDWR).code(), Code::kStale);
  const NodeEntry fresh = lookup("a");
  EXPECT_NE(fresh.node, made.entry.node);
  EXPECT_EQ(fresh.ino, made.entry.ino);
  const Result<Opened> writer = system_->open(scope_, root_, fresh.node, O_RDWR);
  ASSERT_TRUE(writer);
  EXPECT_EQ(writer->mode, OpenMode::kDirect);
  write(*writer, fresh.node, 0, "new");
  EXPECT_TRUE(kernel_.dropped_pages_of(made.entry.node));
  EXPECT_EQ(read(*reader, made.entry.node), "new");
  close(*writer, fresh.node);
  close(*reader, made.entry.node);
}

TEST_F(FileSystemTest, MappingsOfAnOlderNumberReachAsFarAsTheFileHasGrown) {
  const FileSystem::Created made = create("a");
  close(made.opened, made.entry.node);
  mount_.volume.pass(std::chrono::seconds(5));
  const NodeId old = made.entry.node;
  const Result<Opened> reader = system_->open(scope_, root_, old, O_RDONLY);
  ASSERT_TRUE(reader);
  ASSERT_EQ(reader->mode, OpenMode::kCached);
  EXPECT_EQ(system_->open(scope_, root_, old, O_RDWR).code(), Code::kStale);
  const NodeEntry fresh = lookup("a");
  const Result<Opened> writer = system_->open(scope_, root_, fresh.node, O_RDWR);
  ASSERT_TRUE(writer);
  write(*writer, fresh.node, 4094, "end");
  write(*writer, fresh.node, 0, "within");
  ASSERT_TRUE(system_->fallocate(scope_, root_, writer->handle, fresh.node, 0, 0, 5000));
  SetAttr set;
  set.size = 10;
  ASSERT_TRUE(system_->setattr(scope_, root_, fresh.node, set));
  set.size = 9000;
  ASSERT_TRUE(system_->setattr(scope_, root_, fresh.node, set));
  EXPECT_EQ(kernel_.extensions(),
            (std::vector<FakeKernel::Extension>{{old, 4097, 'd'}, {old, 5000, 0}, {old, 9000, 0}}));
  close(*writer, fresh.node);
  close(*reader, old);
}

TEST_F(FileSystemTest, TheTruncationOfOneNumberIsKnownUnderTheOthers) {
  const FileSystem::Created made = create("a");
  write(made.opened, made.entry.node, 0, "hello");
  SetAttr set;
  set.size = 2;
  ASSERT_TRUE(system_->setattr(scope_, root_, made.entry.node, set));
  EXPECT_EQ(read(made.opened, made.entry.node), "he");
  EXPECT_EQ(lookup("a").attr.length, 2u);
  close(made.opened, made.entry.node);
}

TEST_F(FileSystemTest, AppendsOfTwoHandlesDoNotOverlap) {
  const FileSystem::Created one = create("log", O_WRONLY | O_APPEND);
  const Result<Opened> two = system_->open(scope_, root_, one.entry.node, O_WRONLY | O_APPEND);
  ASSERT_TRUE(two);
  write(one.opened, one.entry.node, 0, "aa");
  write(*two, one.entry.node, 0, "bb");
  write(one.opened, one.entry.node, 0, "cc");
  EXPECT_EQ(read(one.opened, one.entry.node), "aabbcc");
  close(one.opened, one.entry.node);
  close(*two, one.entry.node);
}

TEST_F(FileSystemTest, AListingNamesEveryEntryOnceThroughSmallBuffersAndChanges) {
  std::set<std::string> stay;
  for (int i = 0; i < 2500; ++i) {
    const std::string name = "f" + std::to_string(i);
    mount_.new_file(name);
    if (i % 5 != 0) stay.insert(name);
  }
  const Result<std::uint64_t> handle = system_->opendir(scope_, root_, kRootNode);
  ASSERT_TRUE(handle);
  std::multiset<std::string> seen;
  std::uint64_t cookie = 0;
  for (int call = 0;; ++call) {
    const std::vector<std::string> page = names(kRootNode, cookie, *handle, 7);
    if (page.empty()) break;
    seen.insert(page.begin(), page.end());
    if (call < 500) {
      ASSERT_TRUE(system_->unlink(scope_, root_, kRootNode, "f" + std::to_string(call * 5)));
      mount_.new_file("g" + std::to_string(call));
    }
  }
  for (const std::string& name : stay) EXPECT_EQ(seen.count(name), 1u) << name;
  for (const char* name : {".", "..", ".stats", ".config", ".accesslog"}) EXPECT_EQ(seen.count(name), 1u) << name;
  system_->releasedir(*handle);
}

TEST_F(FileSystemTest, AListingGoesOnFromAnyCookieItGave) {
  for (int i = 0; i < 1500; ++i) mount_.new_file("f" + std::to_string(10000 + i));
  const Result<std::uint64_t> handle = system_->opendir(scope_, root_, kRootNode);
  ASSERT_TRUE(handle);
  std::vector<std::pair<std::string, std::uint64_t>> all;
  ASSERT_TRUE(system_->readdir(scope_, root_, *handle, kRootNode, 0, false, [&](const Listed& listed) {
    all.emplace_back(listed.name, listed.next_cookie);
    return true;
  }));
  for (const std::size_t at : {std::size_t{1200}, std::size_t{3}, std::size_t{0}, all.size() - 2, std::size_t{700}}) {
    std::uint64_t cookie = all[at].second;
    EXPECT_EQ(names(kRootNode, cookie, *handle, 1), std::vector<std::string>{all[at + 1].first});
  }
  system_->releasedir(*handle);
}

TEST_F(FileSystemTest, AListingThatDoesNotFitCountsNoLookup) {
  mount_.new_file("a");
  const Result<std::uint64_t> handle = system_->opendir(scope_, root_, kRootNode);
  ASSERT_TRUE(handle);
  NodeId seen = 0;
  for (const bool fits : {false, true}) {
    ASSERT_TRUE(system_->readdir(scope_, root_, *handle, kRootNode, 0, true, [&](const Listed& listed) {
      if (!listed.has_entry) return true;
      seen = listed.entry.node;
      return fits;
    }));
  }
  system_->forget(seen, 1);
  EXPECT_EQ(lookup("a").node, seen);
  system_->releasedir(*handle);
}

TEST_F(FileSystemTest, ALockThatIsTakenIsGivenToTheOneWhoWaits) {
  const FileSystem::Created made = create("a");
  FileSystem::LockAsk ask{.node = made.entry.node,
                          .handle = made.opened.handle,
                          .owner = LockOwner{1},
                          .request = {F_WRLCK, 10, 0, 99},
                          .is_flock = false,
                          .wait = false,
                          .token = 1};
  // Those who wait are also asked again by the mount's own thread, so an answer may come from there.
  Mutex mutex;
  std::vector<std::string> story;
  const auto told = [&] {
    MutexLock lock(mutex);
    return story;
  };
  const auto tell = [&](std::string who) {
    return [&, who](Result<void> got) {
      MutexLock lock(mutex);
      story.push_back(who + (got ? " got it" : " " + std::string(name_of(got.code()))));
    };
  };
  system_->lock(scope_, ask, tell("one"));
  ask.owner = LockOwner{2};
  ask.token = 2;
  system_->lock(scope_, ask, tell("two"));
  ask.wait = true;
  ask.token = 3;
  system_->lock(scope_, ask, tell("two, waiting"));
  ask.token = 4;
  ask.owner = LockOwner{3};
  system_->lock(scope_, ask, tell("three, waiting"));
  system_->cancel(4);
  ask.owner = LockOwner{1};
  ask.request.type = F_UNLCK;
  ask.wait = false;
  ask.token = 5;
  system_->lock(scope_, ask, tell("one, unlocking"));
  SystemScheduler real;
  for (int i = 0; i < 10'000 && told().size() < 5; ++i) ASSERT_TRUE(pause(real, Scope{}, std::chrono::milliseconds(1)));
  const std::vector<std::string> all = told();
  EXPECT_THAT(all, ::testing::UnorderedElementsAre("one got it", "two would_block", "three, waiting interrupted",
                                                   "one, unlocking got it", "two, waiting got it"));
  EXPECT_EQ(all.front(), "one got it");
  close(made.opened, made.entry.node);
}

TEST_F(FileSystemTest, ClosingGivesBackTheOwnersLocks) {
  const FileSystem::Created made = create("a");
  FileSystem::LockAsk ask{.node = made.entry.node,
                          .handle = made.opened.handle,
                          .owner = LockOwner{1},
                          .request = {F_WRLCK, 10, 0, 99},
                          .is_flock = false,
                          .wait = false,
                          .token = 1};
  bool first = false, second = false;
  system_->lock(scope_, ask, [&](Result<void> got) { first = got.has_value(); });
  ASSERT_TRUE(first);
  ASSERT_TRUE(system_->flush(scope_, made.opened.handle, made.entry.node, LockOwner{1}));
  ask.owner = LockOwner{2};
  system_->lock(scope_, ask, [&](Result<void> got) { second = got.has_value(); });
  EXPECT_TRUE(second);
  system_->release(scope_, made.opened.handle, made.entry.node, {});
}

TEST_F(FileSystemTest, TheMountsOwnFilesAreThereAndCannotBeChanged) {
  const NodeEntry stats = lookup(".stats");
  const Result<Opened> opened = system_->open(scope_, root_, stats.node, O_RDONLY);
  ASSERT_TRUE(opened);
  EXPECT_EQ(read(*opened, stats.node), "uptime 1\n");
  system_->release(scope_, opened->handle, stats.node, {});
  EXPECT_EQ(system_->unlink(scope_, root_, kRootNode, ".stats").code(), Code::kNotPermitted);
  EXPECT_EQ(system_->create(scope_, root_, kRootNode, ".config", 0644, O_RDWR).code(), Code::kExists);
}

TEST_F(FileSystemTest, InfoThroughTheControlFileNamesTheFile) {
  const FileSystem::Created made = create("a");
  write(made.opened, made.entry.node, 0, "hello");
  const NodeEntry control = lookup(".control");
  const Result<Opened> opened = system_->open(scope_, root_, control.node, O_RDWR);
  ASSERT_TRUE(opened);
  std::string request, body;
  append_big_endian(body, made.entry.ino.value());
  body += std::string(3, '\0');
  append_big_endian(request, std::uint32_t{1005});
  append_big_endian(request, static_cast<std::uint32_t>(body.size()));
  request += body;
  write(*opened, control.node, 0, request.substr(0, 5));
  EXPECT_EQ(read(*opened, control.node, request.size()), "");
  write(*opened, control.node, 5, request.substr(5));
  const std::string answer = read(*opened, control.node, request.size(), 100'000);
  ASSERT_GT(answer.size(), 5u);
  EXPECT_EQ(static_cast<unsigned char>(answer[0]), 0xFF);
  EXPECT_NE(answer.find("\"Paths\":[\"/a\"]"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\"UnflushedBytes\":5"), std::string::npos) << answer;
  system_->release(scope_, opened->handle, control.node, {});
  close(made.opened, made.entry.node);
}

TEST_F(FileSystemTest, AnUnknownCommandIsAnsweredAsAnOldClientWould) {
  const NodeEntry control = lookup(".control");
  const Result<Opened> opened = system_->open(scope_, root_, control.node, O_RDWR);
  ASSERT_TRUE(opened);
  std::string request;
  append_big_endian(request, std::uint32_t{4711});
  append_big_endian(request, std::uint32_t{0});
  write(*opened, control.node, 0, request);
  EXPECT_EQ(read(*opened, control.node, request.size()), std::string(1, '\x16'));
  system_->release(scope_, opened->handle, control.node, {});
}

TEST_F(FileSystemTest, ClosingTheMountStoresWhatWasWritten) {
  const FileSystem::Created made = create("a");
  write(made.opened, made.entry.node, 0, "hello");
  ASSERT_TRUE(system_->close(scope_));
  EXPECT_EQ(mount_.volume.attr(made.entry.ino).length, 5u);
}

}  // namespace
}  // namespace headrace::vfs
