// SPDX-License-Identifier: Apache-2.0
#include "object/file_put_group.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "object/file_tree.h"
#include "object/testing/temporary_directory.h"

namespace headrace::object {
namespace {

/// Says what it was asked for, fails on request, and can hold its caller at a gate.
class RecordingSync final : public DiskSync {
 public:
  explicit RecordingSync(Scheduler& scheduler) : changed_(scheduler.new_event()) {}

  Result<void> sync_file(int) override { return call("file"); }
  Result<void> sync_file_system(int) override { return call("all"); }
  Result<void> sync_directory(int) override { return call("directory"); }

  void close_gate() {
    MutexLock lock(mutex_);
    is_closed_ = true;
  }
  void open_gate() {
    MutexLock lock(mutex_);
    is_closed_ = false;
    changed_->notify_all();
  }
  void wait_for_caller() {
    MutexLock lock(mutex_);
    ASSERT_TRUE(changed_->wait(Scope{}, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return callers_ > 0; }));
  }
  void fail(const std::string& call) {
    MutexLock lock(mutex_);
    failing_ = call;
  }
  std::vector<std::string> calls() {
    MutexLock lock(mutex_);
    return std::move(calls_);
  }
  /// Called at each sync with what it is.
  std::function<void(const std::string&)> look;

 private:
  Result<void> call(const std::string& name) {
    MutexLock lock(mutex_);
    calls_.push_back(name);
    ++callers_;
    changed_->notify_all();
    EXPECT_TRUE(changed_->wait(Scope{}, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return !is_closed_; }));
    --callers_;
    if (look) look(name);
    if (failing_ == name) return Error(Code::kIo, "the disk said no");
    return {};
  }

  Mutex mutex_;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  int callers_ GUARDED_BY(mutex_) = 0;
  std::string failing_ GUARDED_BY(mutex_);
  std::vector<std::string> calls_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> changed_;
};

class FilePutGroupTest : public testing::Test {
 protected:
  PendingFile pending(const std::string& name, const std::string& directory = "") {
    PendingFile file;
    file.name = file.key = name;
    file.temporary_name = temporary_name(name, next_++);
    file.directory = {directory, tree_.open_below(directory, O_RDONLY | O_DIRECTORY)};
    file.file.reset(::openat(file.directory.fd.get(), file.temporary_name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600));
    EXPECT_TRUE(file.file.is_open());
    return file;
  }
  std::set<std::string> names() {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      found.insert(entry.path().filename());
    return found;
  }
  void wait_for_queue(std::size_t length) {
    while (group_.stats().waiting != length) std::this_thread::yield();
  }

  SystemScheduler scheduler_;
  TemporaryDirectory directory_;
  FileTree tree_ = FileTree::open(directory_.path()).value();
  RecordingSync sync_{scheduler_};
  FilePutGroup group_{scheduler_, sync_, tree_.root()};
  std::uint64_t next_ = 2;
};

using Calls = std::vector<std::string>;

TEST_F(FilePutGroupTest, AloneAFileIsSyncedThenNamedThenItsDirectoryIsSynced) {
  sync_.look = [&](const std::string& call) { EXPECT_EQ(names().contains("one"), call == "directory") << call; };
  ASSERT_TRUE(group_.commit(Scope{}, pending("one")));
  EXPECT_EQ(sync_.calls(), (Calls{"file", "directory"}));
  EXPECT_EQ(names(), (std::set<std::string>{"one"}));
}

TEST_F(FilePutGroupTest, ThoseWhoComeDuringACommitShareTheNext) {
  sync_.close_gate();
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { EXPECT_TRUE(group_.commit(Scope{}, pending("first"))); });
  sync_.wait_for_caller();
  for (int i = 0; i < 10; ++i) {
    threads.emplace_back([&, file = std::make_shared<PendingFile>(pending("n" + std::to_string(i)))] {
      EXPECT_TRUE(group_.commit(Scope{}, std::move(*file)));
    });
  }
  wait_for_queue(10);
  sync_.open_gate();
  threads.clear();
  EXPECT_EQ(sync_.calls(), (Calls{"file", "directory", "all", "directory"}))
      << "ten files, one sync of their bytes, one of their names";
  EXPECT_EQ(group_.stats().groups, 2u);
  EXPECT_EQ(group_.stats().files, 11u);
  EXPECT_EQ(names().size(), 11u);
}

TEST_F(FilePutGroupTest, AFileThatCannotBeSyncedGetsNoNameAndLeavesNothing) {
  sync_.fail("file");
  EXPECT_EQ(group_.commit(Scope{}, pending("lost")).error().code, Code::kIo);
  EXPECT_EQ(sync_.calls(), Calls{"file"});
  EXPECT_TRUE(names().empty());
}

TEST_F(FilePutGroupTest, ADirectoryThatCannotBeSyncedIsAnError) {
  sync_.fail("directory");
  EXPECT_EQ(group_.commit(Scope{}, pending("named")).error().code, Code::kIo);
  EXPECT_EQ(names(), std::set<std::string>{"named"}) << "all of the new bytes are there: an allowed end";
}

TEST_F(FilePutGroupTest, ASyncOfAllThatFailsIsRepeatedFileByFile) {
  sync_.close_gate();
  std::jthread leader([&] { EXPECT_TRUE(group_.commit(Scope{}, pending("first"))); });
  sync_.wait_for_caller();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, file = std::make_shared<PendingFile>(pending("n" + std::to_string(i)))] {
      EXPECT_TRUE(group_.commit(Scope{}, std::move(*file)));
    });
  }
  wait_for_queue(3);
  sync_.fail("all");
  sync_.open_gate();
  threads.clear();
  leader.join();
  EXPECT_EQ(sync_.calls(), (Calls{"file", "directory", "all", "file", "file", "file", "directory"}));
}

TEST_F(FilePutGroupTest, WhoGivesUpInTheQueueTakesItsFileAway) {
  sync_.close_gate();
  std::jthread leader([&] { EXPECT_TRUE(group_.commit(Scope{}, pending("first"))); });
  sync_.wait_for_caller();
  std::stop_source stop;
  std::jthread impatient([&, file = std::make_shared<PendingFile>(pending("second"))] {
    EXPECT_EQ(group_.commit(Scope{Moment::max(), stop.get_token()}, std::move(*file)).error().code, Code::kInterrupted);
  });
  wait_for_queue(1);
  stop.request_stop();
  impatient.join();
  sync_.open_gate();
  leader.join();
  EXPECT_EQ(names(), std::set<std::string>{"first"});
}

TEST_F(FilePutGroupTest, WhoGivesUpDuringItsGroupLeavesItToTheLeader) {
  sync_.close_gate();
  std::jthread first([&] { EXPECT_TRUE(group_.commit(Scope{}, pending("first"))); });
  sync_.wait_for_caller();
  std::stop_source stop;
  std::vector<std::jthread> threads;
  std::atomic<int> interrupted{0}, committed{0};
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, file = std::make_shared<PendingFile>(pending("n" + std::to_string(i)))] {
      const Result<void> done = group_.commit(Scope{Moment::max(), stop.get_token()}, std::move(*file));
      ++(done ? committed : interrupted);
    });
  }
  wait_for_queue(2);
  // The second group's leader is held at its first sync; its follower leaves.
  sync_.look = [&](const std::string&) {
    if (group_.stats().groups == 2) {
      stop.request_stop();
      while (interrupted == 0) std::this_thread::yield();
    }
  };
  sync_.open_gate();
  threads.clear();
  first.join();
  EXPECT_EQ(interrupted, 1);
  EXPECT_EQ(committed, 1) << "the leader ends what it began";
  EXPECT_EQ(names().size(), 3u);
}

TEST_F(FilePutGroupTest, EachDirectoryIsSyncedOnceAndNewOnesWithTheirParents) {
  std::filesystem::create_directory(directory_ / "d");
  sync_.close_gate();
  std::jthread leader([&] { EXPECT_TRUE(group_.commit(Scope{}, pending("first"))); });
  sync_.wait_for_caller();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    auto file = std::make_shared<PendingFile>(pending("n" + std::to_string(i), "d"));
    file->parents.push_back({"", tree_.open_below("", O_RDONLY | O_DIRECTORY)});
    threads.emplace_back([&, file] { EXPECT_TRUE(group_.commit(Scope{}, std::move(*file))); });
  }
  wait_for_queue(3);
  sync_.open_gate();
  threads.clear();
  leader.join();
  EXPECT_EQ(sync_.calls(), (Calls{"file", "directory", "all", "directory", "directory"}))
      << "d and the root, once each";
}

}  // namespace
}  // namespace headrace::object
