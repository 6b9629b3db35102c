// SPDX-License-Identifier: Apache-2.0
// Who runs whose operation, and what becomes of those that fail, come late or give up.
#include "records/batcher.h"

#include <gtest/gtest.h>

#include <atomic>

#include "records/memory/memory_store.h"

namespace headrace::records {
namespace {

/// A store whose commits can be held up and made to fail.
class TestStore final : public BatchStore {
 public:
  explicit TestStore(Scheduler& scheduler) : changed_(scheduler.new_event()) {}

  Result<RecordReader*> begin(const Scope&) override {
    MutexLock lock(mutex_);
    ++begins_;
    if (!begin_errors_.empty()) {
      const Code code = begin_errors_.front();
      begin_errors_.pop_front();
      return code;
    }
    return &records_;
  }
  Result<void> commit(const ChangeSet& changes) override {
    MutexLock lock(mutex_);
    ++commits_;
    changed_->notify_all();
    const int number = commits_;
    (void)changed_->wait(Scope{}, mutex_, [this, number]() NO_THREAD_SAFETY_ANALYSIS { return number <= allowed_; });
    if (!commit_answers_.empty()) {
      const std::optional<Code> answer = commit_answers_.front();
      commit_answers_.pop_front();
      if (answer) return *answer;
    }
    records_.apply(changes);
    return {};
  }
  void abandon() override {}
  std::uint64_t sync_ticket() override { return 7; }

  /// Lets the first so many commits end; the others hang.
  void allow(int commits) {
    MutexLock lock(mutex_);
    allowed_ = commits;
    changed_->notify_all();
  }
  void allow_all() { allow(1 << 30); }
  void await_commits(int count) {
    MutexLock lock(mutex_);
    (void)changed_->wait(Scope{}, mutex_, [this, count]() NO_THREAD_SAFETY_ANALYSIS { return commits_ >= count; });
  }
  /// What the next commits answer; nothing: success.
  void answer_commits(std::initializer_list<std::optional<Code>> answers) {
    MutexLock lock(mutex_);
    commit_answers_.assign(answers);
  }
  void fail_begins(std::initializer_list<Code> codes) {
    MutexLock lock(mutex_);
    begin_errors_.assign(codes);
  }
  int commits() {
    MutexLock lock(mutex_);
    return commits_;
  }
  std::int64_t counter(const std::string& name) {
    const auto found = records_.get(CounterKey{name}).value();
    return found ? std::get<std::int64_t>(*found) : 0;
  }

 private:
  Mutex mutex_;
  std::unique_ptr<Event> changed_;
  int allowed_ GUARDED_BY(mutex_) = 1 << 30;
  int begins_ GUARDED_BY(mutex_) = 0;
  int commits_ GUARDED_BY(mutex_) = 0;
  std::deque<Code> begin_errors_ GUARDED_BY(mutex_);
  std::deque<std::optional<Code>> commit_answers_ GUARDED_BY(mutex_);
  MemoryStore records_{true};
};

class Counts final : public EngineObserver {
 public:
  void on_commit(std::size_t operations, Duration) override { operations_.fetch_add(operations); }
  void on_sync(Duration) override {}
  void on_restart(std::size_t operations) override { restarted_.fetch_add(operations); }
  void on_busy(Duration) override {}
  void on_checkpoint(std::uint64_t, std::uint64_t, Duration) override {}
  std::atomic<std::size_t> operations_ = 0, restarted_ = 0;
};

class BatcherTest : public testing::Test {
 protected:
  /// Without a limit of its own a batch takes all who wait, however long this machine stops in between.
  Batcher& make(BatchLimits limits = {.run_time_max = std::chrono::hours(1)}) {
    batcher_ = std::make_unique<Batcher>(scheduler_, store_, traits_, &counts_, limits);
    return *batcher_;
  }
  std::jthread start(std::function<void()> body) {
    return scheduler_.new_thread("caller", [body = std::move(body)](std::stop_token) { body(); });
  }
  void await_queued(std::size_t count) {
    while (batcher_->queued() < count) ASSERT_TRUE(pause(scheduler_, Scope{}, std::chrono::microseconds(100)));
  }
  static Result<void> bump(RecordTxn& txn, const std::string& name) {
    TRY(const auto before, get(txn, CounterKey{name}));
    put(txn, CounterKey{name}, before.value_or(0) + 1);
    return {};
  }
  Result<std::uint64_t> bump_in(Batcher& batcher, const std::string& name, const Scope& scope = {}) {
    return batcher.run(scope, {}, [&](RecordTxn& txn) { return bump(txn, name); });
  }
  /// Occupies the leader: the first commit hangs until store_.allow().
  std::jthread hold_a_leader() {
    store_.allow(0);
    std::jthread leader = start([this] { EXPECT_TRUE(bump_in(*batcher_, "leader")); });
    store_.await_commits(1);
    return leader;
  }

  SystemScheduler scheduler_;
  const EngineTraits traits_{"test", false, true};
  TestStore store_{scheduler_};
  Counts counts_;
  std::unique_ptr<Batcher> batcher_;
};

TEST_F(BatcherTest, OneCallerCommitsAtOnceAndGetsTheTicket) {
  Batcher& batcher = make();
  EXPECT_EQ(bump_in(batcher, "a").value(), 7u);
  EXPECT_EQ(bump_in(batcher, "a").value(), 7u);
  EXPECT_EQ(store_.commits(), 2);
  EXPECT_EQ(store_.counter("a"), 2);
}

TEST_F(BatcherTest, ThoseWhoWaitShareTheNextCommitAndSeeEachOther) {
  Batcher& batcher = make();
  std::jthread leader = hold_a_leader();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 16; ++i) callers.push_back(start([&] { EXPECT_TRUE(bump_in(batcher, "shared")); }));
  await_queued(16);
  store_.allow_all();
  callers.clear();
  EXPECT_EQ(store_.commits(), 2);
  EXPECT_EQ(store_.counter("shared"), 16);
  EXPECT_EQ(counts_.operations_.load(), 17u);
}

TEST_F(BatcherTest, AFailedOperationTakesOnlyItsOwnWritesWithIt) {
  Batcher& batcher = make();
  std::jthread leader = hold_a_leader();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.push_back(start([&, i] {
      const auto result = batcher.run(Scope{}, {}, [&](RecordTxn& txn) -> Result<void> {
        TRY_OK(bump(txn, "good"));
        if (i % 2 == 0) return Error(Code::kExists, "mine");
        return {};
      });
      if (i % 2 == 0)
        EXPECT_EQ(result.error(), Error(Code::kExists, "mine"));
      else
        EXPECT_TRUE(result);
    }));
  }
  await_queued(8);
  store_.allow_all();
  callers.clear();
  EXPECT_EQ(store_.commits(), 2);
  EXPECT_EQ(store_.counter("good"), 4);
}

TEST_F(BatcherTest, ABatchInWhichNothingIsWrittenCommitsNothing) {
  Batcher& batcher = make();
  EXPECT_EQ(batcher.run(Scope{}, {}, [](RecordTxn&) -> Result<void> { return Code::kNotFound; }).code(),
            Code::kNotFound);
  EXPECT_TRUE(batcher.run(Scope{}, {}, [](RecordTxn&) -> Result<void> { return {}; }));
  EXPECT_EQ(store_.commits(), 0);
}

TEST_F(BatcherTest, WhoGivesUpWhileQueuedIsNeverRun) {
  Batcher& batcher = make();
  std::jthread leader = hold_a_leader();
  std::stop_source stop;
  std::jthread stopped = start([&] {
    EXPECT_EQ(bump_in(batcher, "stopped", Scope{Moment::max(), stop.get_token()}).code(), Code::kInterrupted);
  });
  await_queued(1);
  const Scope brief{scheduler_.clock().now() + std::chrono::milliseconds(5), {}};
  EXPECT_EQ(bump_in(batcher, "late", brief).code(), Code::kTimedOut);
  stop.request_stop();
  stopped.join();
  store_.allow_all();
  leader.join();
  EXPECT_TRUE(bump_in(batcher, "after"));
  EXPECT_EQ(store_.counter("late"), 0);
  EXPECT_EQ(store_.counter("stopped"), 0);
}

TEST_F(BatcherTest, AScopeThatHasEndedBeginsNothing) {
  Batcher& batcher = make();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(bump_in(batcher, "a", Scope{Moment::max(), stop.get_token()}).code(), Code::kInterrupted);
  EXPECT_EQ(bump_in(batcher, "a", Scope{scheduler_.clock().now(), {}}).code(), Code::kTimedOut);
  EXPECT_EQ(store_.counter("a"), 0);
}

TEST_F(BatcherTest, WhoGivesUpWhileItRunsLearnsTheOutcome) {
  Batcher& batcher = make();
  std::jthread leader = hold_a_leader();
  std::stop_source stop;
  std::jthread second = start([&] { EXPECT_TRUE(bump_in(batcher, "second", Scope{Moment::max(), stop.get_token()})); });
  std::jthread third = start([&] { EXPECT_TRUE(bump_in(batcher, "third")); });
  await_queued(2);
  store_.allow(1);
  store_.await_commits(2);  // both run now, and their commit hangs
  stop.request_stop();
  store_.allow_all();
  for (std::jthread* caller : {&leader, &second, &third}) caller->join();
  EXPECT_EQ(store_.counter("second"), 1);
}

TEST_F(BatcherTest, ARefusedCommitIsTriedAgainOneByOne) {
  Batcher& batcher = make();
  std::jthread leader = hold_a_leader();
  std::atomic<int> refused = 0, runs = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.push_back(start([&] {
      const auto result = batcher.run(Scope{}, {}, [&](RecordTxn& txn) {
        ++runs;
        return bump(txn, "a");
      });
      if (result) return;
      EXPECT_EQ(result.code(), Code::kNoSpace);
      ++refused;
    }));
  }
  await_queued(4);
  store_.answer_commits({std::nullopt, Code::kNoSpace, std::nullopt, Code::kNoSpace});
  store_.allow_all();
  leader.join();
  callers.clear();
  EXPECT_EQ(refused.load(), 1);
  EXPECT_EQ(store_.counter("a"), 3);
  EXPECT_EQ(runs.load(), 8);
  EXPECT_EQ(counts_.restarted_.load(), 4u);
}

TEST_F(BatcherTest, ACommitWithAnUnknownOutcomeIsNotRunAgain) {
  Batcher& batcher = make();
  std::jthread leader = hold_a_leader();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 3; ++i)
    callers.push_back(start([&] { EXPECT_EQ(bump_in(batcher, "a").code(), Code::kUnknownOutcome); }));
  await_queued(3);
  store_.answer_commits({std::nullopt, Code::kUnknownOutcome});
  store_.allow_all();
  leader.join();
  callers.clear();
  EXPECT_EQ(counts_.restarted_.load(), 0u);
  EXPECT_EQ(store_.commits(), 2);
}

TEST_F(BatcherTest, ATransactionThatCannotBeOpenedFailsItsLeaderAlone) {
  Batcher& batcher = make();
  std::jthread leader = hold_a_leader();
  std::atomic<int> failed = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.push_back(start([&] {
      const auto result = bump_in(batcher, "a");
      if (!result) ++failed;
    }));
  }
  await_queued(3);
  store_.fail_begins({Code::kReadOnly});
  store_.allow_all();
  leader.join();
  callers.clear();
  EXPECT_EQ(failed.load(), 1);
  EXPECT_EQ(store_.counter("a"), 2);
}

TEST_F(BatcherTest, ABatchHasALimitedSize) {
  Batcher& batcher = make({4, std::chrono::hours(1), 4096});
  std::jthread leader = hold_a_leader();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 10; ++i) callers.push_back(start([&] { EXPECT_TRUE(bump_in(batcher, "a")); }));
  await_queued(10);
  store_.allow_all();
  leader.join();
  callers.clear();
  EXPECT_EQ(store_.commits(), 1 + 3);
  EXPECT_EQ(store_.counter("a"), 10);
}

TEST_F(BatcherTest, ABatchThatHasRunForItsTimeTakesNoMore) {
  Batcher& batcher = make({256, Duration(0), 4096});
  std::jthread leader = hold_a_leader();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 3; ++i) callers.push_back(start([&] { EXPECT_TRUE(bump_in(batcher, "a")); }));
  await_queued(3);
  store_.allow_all();
  leader.join();
  callers.clear();
  EXPECT_EQ(store_.commits(), 1 + 3);
}

TEST_F(BatcherTest, AFullQueueLetsNobodyInUntilThereIsRoom) {
  Batcher& batcher = make({256, std::chrono::hours(1), 2});
  std::jthread leader = hold_a_leader();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 2; ++i) callers.push_back(start([&] { EXPECT_TRUE(bump_in(batcher, "a")); }));
  await_queued(2);
  EXPECT_EQ(bump_in(batcher, "late", Scope{scheduler_.clock().now() + std::chrono::milliseconds(5), {}}).code(),
            Code::kTimedOut);
  std::jthread patient = start([&] { EXPECT_TRUE(bump_in(batcher, "patient")); });
  store_.allow_all();
  leader.join();
  callers.clear();
  patient.join();
  EXPECT_EQ(store_.counter("late"), 0);
  EXPECT_EQ(store_.counter("patient"), 1);
}

TEST_F(BatcherTest, CloseWaitsForThoseInsideAndRefusesTheRest) {
  Batcher& batcher = make();
  std::jthread leader = hold_a_leader();
  std::jthread queued = start([&] { EXPECT_TRUE(bump_in(batcher, "a")); });
  await_queued(1);
  std::jthread closer = start([&] { batcher.close(); });
  while (batcher
             .run(Scope{scheduler_.clock().now() + std::chrono::microseconds(200), {}}, {},
                  [](RecordTxn&) -> Result<void> { return {}; })
             .code() != Code::kBadHandle) {
  }
  store_.allow_all();
  closer.join();
  EXPECT_EQ(store_.counter("a"), 1);
}

}  // namespace
}  // namespace headrace::records
