// SPDX-License-Identifier: Apache-2.0
// What every engine that can write must do for many callers at once, for callers who give up, and for several engines
// on one store. Factory: see testing/conformance.h.
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, EngineBatches, Factory);
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "records/txn.h"

namespace headrace::records {

template <class Factory>
class EngineBatches : public testing::Test {
 protected:
  static constexpr int kThreads = 16;

  void run_threads(const std::function<void(int)>& body) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.push_back(scheduler_.new_thread("caller", [&body, i](std::stop_token) { body(i); }));
  }
  static Result<std::int64_t> bump(RecordEngine& engine, const std::string& name, const Scope& scope = {}) {
    return engine.run(scope, Commit::kVisible, {Key(CounterKey{name})}, [&](RecordTxn& txn) -> Result<std::int64_t> {
      TRY(const auto before, get(txn, CounterKey{name}));
      put(txn, CounterKey{name}, before.value_or(0) + 1);
      return before.value_or(0) + 1;
    });
  }
  static std::int64_t counter(RecordEngine& engine, const std::string& name) {
    return engine.read(Scope{}, {}, [&](RecordTxn& txn) { return get(txn, CounterKey{name}); }).value().value_or(0);
  }

  SystemScheduler scheduler_;
  Factory factory_;
  std::unique_ptr<RecordEngine> engine_ = factory_.open();
};

TYPED_TEST_SUITE_P(EngineBatches);

TYPED_TEST_P(EngineBatches, NoIncrementOfManyThreadsIsLost) {
  std::atomic<int> failed = 0;
  this->run_threads([&](int) {
    for (int i = 0; i < 50; ++i) {
      if (!this->bump(*this->engine_, "a")) ++failed;
    }
  });
  EXPECT_EQ(failed.load(), 0);
  EXPECT_EQ(this->counter(*this->engine_, "a"), 50 * this->kThreads);
}

TYPED_TEST_P(EngineBatches, ANameHasExactlyOneCreator) {
  std::atomic<int> winners = 0, losers = 0;
  this->run_threads([&](int thread) {
    for (int i = 0; i < 20; ++i) {
      const EntryKey key{Ino{1}, std::to_string(i)};
      const Result<void> made =
          this->engine_->run(Scope{}, Commit::kVisible, {Key(key)}, [&](RecordTxn& txn) -> Result<void> {
            TRY(const auto there, get(txn, key));
            add(txn, CounterKey{"tried"}, 1);
            if (there) return Code::kExists;
            put(txn, key, EntryRecord{Ino{100u + static_cast<unsigned>(thread)}, FileType::kRegular});
            return {};
          });
      if (made)
        ++winners;
      else if (made.code() == Code::kExists)
        ++losers;
    }
  });
  EXPECT_EQ(winners.load(), 20);
  EXPECT_EQ(losers.load(), 20 * (this->kThreads - 1));
  EXPECT_EQ(this->counter(*this->engine_, "tried"), 20);  // those who failed took their writes with them
}

TYPED_TEST_P(EngineBatches, AReadSeesOneStateWhileOthersCommit) {
  constexpr int kWriters = 4, kReadsMin = 20, kCommitsMax = 20'000;
  std::atomic<int> writing = kWriters, torn = 0, reads = 0;
  this->run_threads([&](int thread) {
    if (thread >= kWriters) {
      while (writing != 0) {
        const Result<void> read = this->engine_->read(Scope{}, {}, [&](RecordTxn& txn) -> Result<void> {
          TRY(const auto a, get(txn, CounterKey{"a"}));
          TRY(const auto b, get(txn, CounterKey{"b"}));
          if (a != b) ++torn;
          return {};
        });
        if (read) ++reads;
      }
      return;
    }
    // The readers may be started last: there is something to commit until they have looked.
    for (int i = 0; i < 50 || (reads < kReadsMin && i < kCommitsMax); ++i) {
      EXPECT_TRUE(this->engine_->run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
        add(txn, CounterKey{"a"}, 1);
        add(txn, CounterKey{"b"}, 1);
        return {};
      }));
    }
    --writing;
  });
  EXPECT_EQ(torn.load(), 0);
  EXPECT_GE(reads.load(), kReadsMin);
}

TYPED_TEST_P(EngineBatches, AScopeThatHasEndedDoesNothing) {
  std::stop_source stop;
  stop.request_stop();
  const Scope stopped{Moment::max(), stop.get_token()}, late{this->scheduler_.clock().now(), {}};
  EXPECT_EQ(this->bump(*this->engine_, "a", stopped).code(), Code::kInterrupted);
  EXPECT_EQ(this->bump(*this->engine_, "a", late).code(), Code::kTimedOut);
  const auto read = [&](const Scope& scope) {
    return this->engine_->read(scope, {}, [](RecordTxn& txn) { return txn.get(CounterKey{"a"}); });
  };
  EXPECT_EQ(read(stopped).code(), Code::kInterrupted);
  EXPECT_EQ(read(late).code(), Code::kTimedOut);
  EXPECT_EQ(this->counter(*this->engine_, "a"), 0);
}

TYPED_TEST_P(EngineBatches, WhoGivesUpBehindAnotherIsNotRun) {
  // The leader's operation lasts until the one behind it has given up.
  std::atomic<bool> is_running = false, may_end = false;
  std::jthread leader = this->scheduler_.new_thread("leader", [&](std::stop_token) {
    EXPECT_TRUE(this->engine_->run(Scope{}, Commit::kVisible, {}, [&](RecordTxn&) -> Result<void> {
      is_running = true;
      while (!may_end) std::this_thread::yield();
      return {};
    }));
  });
  while (!is_running) std::this_thread::yield();
  const Scope brief{this->scheduler_.clock().now() + std::chrono::milliseconds(5), {}};
  EXPECT_EQ(this->bump(*this->engine_, "late", brief).code(), Code::kTimedOut);
  may_end = true;
  leader.join();
  EXPECT_EQ(this->counter(*this->engine_, "late"), 0);
  EXPECT_EQ(this->bump(*this->engine_, "late").value(), 1);
}

TYPED_TEST_P(EngineBatches, ReservedNumbersNeverRepeat) {
  std::vector<std::unique_ptr<RecordEngine>> engines;
  engines.push_back(std::move(this->engine_));
  if (TypeParam::kIsShared) engines.push_back(this->factory_.open());
  std::vector<std::vector<std::uint64_t>> taken(this->kThreads);
  this->run_threads([&](int thread) {
    RecordEngine& engine = *engines[static_cast<std::size_t>(thread) % engines.size()];
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t count = i == 20 ? 3000 : 1 + static_cast<std::uint64_t>(i % 100);
      const Result<IdRange> range = engine.reserve(Scope{}, IdKind::kInode, count);
      ASSERT_TRUE(range) << range.error().text();
      ASSERT_EQ(range->count, count);
      for (std::uint64_t n = 0; n < count; ++n) taken[static_cast<std::size_t>(thread)].push_back(range->first + n);
    }
  });
  std::set<std::uint64_t> all;
  std::size_t count = 0;
  for (const auto& numbers : taken) {
    all.insert(numbers.begin(), numbers.end());
    count += numbers.size();
  }
  EXPECT_EQ(all.size(), count);
  EXPECT_GE(*all.begin(), 2u);
  EXPECT_GT(this->counter(*engines[0], "nextInode"), static_cast<std::int64_t>(*all.rbegin()));
  EXPECT_EQ(engines[0]->reserve(Scope{}, IdKind::kSlice, 1).value().first, 1u);
  this->engine_ = std::move(engines[0]);
}

TYPED_TEST_P(EngineBatches, SeveralEnginesOnOneStoreSeeEachOther) {
  if (!TypeParam::kIsShared) return;
  const std::unique_ptr<RecordEngine> other = this->factory_.open();
  for (int i = 1; i <= 20; i += 2) {
    EXPECT_EQ(this->bump(*this->engine_, "a").value(), i);
    EXPECT_EQ(this->counter(*other, "a"), i);
    EXPECT_EQ(this->bump(*other, "a").value(), i + 1);
    EXPECT_EQ(this->counter(*this->engine_, "a"), i + 1);
  }
  this->run_threads([&](int thread) {
    RecordEngine& engine = thread % 2 == 0 ? *other : *this->engine_;
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(this->bump(engine, "b"));
  });
  EXPECT_EQ(this->counter(*other, "b"), 20 * this->kThreads);
}

TYPED_TEST_P(EngineBatches, WhatWasCommittedIsThereAfterOpeningAgain) {
  if (!TypeParam::kIsShared) return;
  EXPECT_TRUE(this->bump(*this->engine_, "a"));
  this->engine_.reset();
  this->engine_ = this->factory_.open();
  EXPECT_EQ(this->counter(*this->engine_, "a"), 1);
}

REGISTER_TYPED_TEST_SUITE_P(EngineBatches, NoIncrementOfManyThreadsIsLost, ANameHasExactlyOneCreator,
                            AReadSeesOneStateWhileOthersCommit, AScopeThatHasEndedDoesNothing,
                            WhoGivesUpBehindAnotherIsNotRun, ReservedNumbersNeverRepeat,
                            SeveralEnginesOnOneStoreSeeEachOther, WhatWasCommittedIsThereAfterOpeningAgain);

}  // namespace headrace::records
