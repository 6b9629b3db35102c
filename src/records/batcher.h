// SPDX-License-Identifier: Apache-2.0
// Group commit. Callers queue their operations; one of them, the leader, opens a transaction, runs what waits in order,
// each over what the earlier ones wrote, commits once and wakes all. There is no thread of its own, and a caller who is
// alone waits for nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/event.h"
#include "records/change.h"
#include "records/observer.h"
#include "records/reader.h"
#include "records/txn.h"

namespace headrace::records {

/// The store under a batcher. Each begin() that succeeds is followed by exactly one commit() or abandon(), from the
/// same thread; calls never overlap.
class BatchStore {
 public:
  virtual ~BatchStore() = default;
  /// Opens a transaction that no other writer can come between, and gives its view of the records, valid until it ends.
  /// May wait for other clients within the scope.
  virtual Result<RecordReader*> begin(const Scope& scope) = 0;
  /// Writes all changes and commits. An error: nothing is committed (kUnknownOutcome: nobody knows). The transaction
  /// has ended in any case.
  virtual Result<void> commit(const ChangeSet& changes) = 0;
  /// Ends the transaction without a change.
  virtual void abandon() = 0;
  /// What a wait for durability must name to cover all that is committed now. See SharedSync.
  virtual std::uint64_t sync_ticket() = 0;
};

struct BatchLimits {
  std::size_t operations_max = 256;                      // in one commit
  Duration run_time_max = std::chrono::milliseconds(2);  // no operation begins in a batch older than this
  std::size_t queue_max = 4096;                          // who comes then waits for room
};

/// Thread-safe.
class Batcher {
 public:
  /// `observer` may be nullptr. All must outlive the batcher.
  Batcher(Scheduler& scheduler, BatchStore& store, const EngineTraits& traits, EngineObserver* observer,
          BatchLimits limits = {});

  /// Runs the operation in some batch and waits for its commit; the answer is the sync ticket that covers it.
  /// kTimedOut, kInterrupted: the scope ended first, nothing was done; once the operation runs, the outcome is waited
  /// for. The error of an operation is returned unchanged. When the commit of a batch is refused, its operations are
  /// run again, each in a commit of its own, and so each gets its own answer. kBadHandle: closed.
  Result<std::uint64_t> run(const Scope& scope, std::span<const Key> first_keys, Operation operation);
  /// Refuses new operations and waits for those inside. Idempotent.
  void close();
  /// How many operations wait to be run.
  std::size_t queued() const;

 private:
  enum class State { kQueued, kRunning, kDone };
  struct Pending {
    std::span<const Key> first_keys;
    Operation operation;
    Event* event = nullptr;
    State state = State::kQueued;
    bool alone = false;  // its batch was refused once: now a commit of its own
    Result<void> outcome;
    std::uint64_t ticket = 0;
  };
  using Batch = std::vector<Pending*>;

  Result<std::uint64_t> wait_and_lead(const Scope& scope, Pending& mine) REQUIRES(mutex_);
  /// Nothing when the leader's own operation has an answer; an error when the transaction could not be opened.
  Result<void> lead(const Scope& scope) REQUIRES(mutex_);
  Batch run_waiting(RecordReader& reader, ChangeSet& changes) REQUIRES(mutex_);
  void run_one(Pending& pending, RecordReader& reader, ChangeSet& changes);
  Result<void> commit(const ChangeSet& changes, const Batch& batch, Moment begun);
  void answer(const Batch& batch, const Result<void>& committed) REQUIRES(mutex_);
  void take_out(Pending& pending) REQUIRES(mutex_);
  void wake_front() REQUIRES(mutex_);

  Scheduler& scheduler_;
  BatchStore& store_;
  const EngineTraits& traits_;
  EngineObserver* const observer_;
  const BatchLimits limits_;

  mutable Mutex mutex_;
  std::deque<Pending*> queue_ GUARDED_BY(mutex_);
  bool is_leading_ GUARDED_BY(mutex_) = false;
  std::size_t last_batch_ = 0;  // how many operations it had; of the leader
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::size_t inside_ GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Event>> spare_events_ GUARDED_BY(mutex_);  // one for each caller that waits, used again
  std::unique_ptr<Event> room_;  // a place in the queue was left, or the last caller
};

}  // namespace headrace::records
