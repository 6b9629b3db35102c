// SPDX-License-Identifier: Apache-2.0
// Leader and followers around one transaction at a time.
#include "records/batcher.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/check.h"
#include "records/overlay.h"

namespace headrace::records {
namespace {

/// One operation alone has had its answer; what may have been committed must not be done twice.
bool is_tried_again(const Result<void>& committed, std::size_t operations) {
  return !committed && committed.code() != Code::kUnknownOutcome && operations > 1;
}

}  // namespace

Batcher::Batcher(Scheduler& scheduler, BatchStore& store, const EngineTraits& traits, EngineObserver* observer,
                 BatchLimits limits)
    : scheduler_(scheduler),
      store_(store),
      traits_(traits),
      observer_(observer),
      limits_(limits),
      room_(scheduler.new_event()) {}

Result<std::uint64_t> Batcher::run(const Scope& scope, std::span<const Key> first_keys, Operation operation) {
  if (scope.stop.stop_requested()) return Code::kInterrupted;
  if (scope.deadline <= scheduler_.clock().now()) return Code::kTimedOut;
  MutexLock lock(mutex_);
  TRY_OK(room_->wait(scope, mutex_,
                     [this]() NO_THREAD_SAFETY_ANALYSIS { return is_closed_ || queue_.size() < limits_.queue_max; }));
  if (is_closed_) return Error(Code::kBadHandle, "the metadata engine is closed");

  if (spare_events_.empty()) spare_events_.push_back(scheduler_.new_event());
  std::unique_ptr<Event> event = std::move(spare_events_.back());
  spare_events_.pop_back();
  Pending mine{first_keys, operation, event.get(), State::kQueued, false, {}, 0};
  queue_.push_back(&mine);
  ++inside_;
  Result<std::uint64_t> result = wait_and_lead(scope, mine);
  spare_events_.push_back(std::move(event));
  if (--inside_ == 0 && is_closed_) room_->notify_all();
  return result;
}

Result<std::uint64_t> Batcher::wait_and_lead(const Scope& scope, Pending& mine) {
  const auto may_go_on = [this, &mine]() NO_THREAD_SAFETY_ANALYSIS {
    return mine.state == State::kDone || (mine.state == State::kQueued && !is_leading_ && queue_.front() == &mine);
  };
  const Scope without_end;
  while (true) {
    Result<void> woken = mine.event->wait(scope, mutex_, may_go_on);
    if (!woken && mine.state == State::kRunning) {
      woken = mine.event->wait(without_end, mutex_, [&mine] { return mine.state != State::kRunning; });
      continue;
    }
    if (woken && mine.state == State::kQueued) woken = lead(scope);
    if (!woken) {
      take_out(mine);
      wake_front();
      return woken.error();
    }
    if (mine.state == State::kDone) {
      if (!mine.outcome) return mine.outcome.error();
      return mine.ticket;
    }
  }
}

/// The caller's own operation is the first in the queue.
Result<void> Batcher::lead(const Scope& scope) {
  is_leading_ = true;
  mutex_.unlock();
  // Those whom the last commit woke may be about to come again: on few processors they need ours for that.
  if (last_batch_ > 1) std::this_thread::yield();
  const Moment begun = scheduler_.clock().now();
  Result<RecordReader*> reader = store_.begin(scope);
  mutex_.lock();
  if (!reader) {
    is_leading_ = false;
    return reader.error();
  }
  ChangeSet changes;
  const Batch batch = run_waiting(**reader, changes);
  mutex_.unlock();
  const Result<void> committed = commit(changes, batch, begun);
  mutex_.lock();
  answer(batch, committed);
  last_batch_ = batch.size();
  is_leading_ = false;
  wake_front();
  return {};
}

/// Takes one operation after the other, so that those who come meanwhile are still in time.
Batcher::Batch Batcher::run_waiting(RecordReader& reader, ChangeSet& changes) {
  Batch batch;
  const bool was_full = queue_.size() >= limits_.queue_max;
  const Moment end = scheduler_.clock().now() + limits_.run_time_max;
  while (!queue_.empty() && batch.size() < limits_.operations_max) {
    Pending& next = *queue_.front();
    if (!batch.empty() && (next.alone || batch.back()->alone || scheduler_.clock().now() >= end)) break;
    queue_.pop_front();
    next.state = State::kRunning;
    batch.push_back(&next);
    mutex_.unlock();
    run_one(next, reader, changes);
    mutex_.lock();
  }
  if (was_full) room_->notify_all();
  return batch;
}

void Batcher::run_one(Pending& pending, RecordReader& reader, ChangeSet& changes) {
  ChangeSet own;
  OverlayTxn txn(reader, changes, own, traits_);
  pending.outcome = pending.first_keys.empty() ? Result<void>() : txn.need(pending.first_keys);
  if (pending.outcome) pending.outcome = pending.operation(txn);
  if (pending.outcome) changes.merge(std::move(own));
}

Result<void> Batcher::commit(const ChangeSet& changes, const Batch& batch, Moment begun) {
  if (changes.is_empty()) {
    store_.abandon();
    return {};
  }
  Result<void> committed = store_.commit(changes);
  if (observer_ == nullptr) return committed;
  if (committed) {
    const auto good =
        std::count_if(batch.begin(), batch.end(), [](const Pending* pending) { return pending->outcome.has_value(); });
    observer_->on_commit(static_cast<std::size_t>(good), scheduler_.clock().now() - begun);
  } else if (is_tried_again(committed, batch.size())) {
    observer_->on_restart(batch.size());
  }
  return committed;
}

/// After a refused commit no answer of its operations counts: also one that failed had read what the others wrote.
void Batcher::answer(const Batch& batch, const Result<void>& committed) {
  const std::uint64_t ticket = store_.sync_ticket();
  const bool is_refused = is_tried_again(committed, batch.size());
  for (auto it = batch.rbegin(); it != batch.rend(); ++it) {
    Pending& pending = **it;
    if (is_refused) {
      pending.alone = true;
      pending.state = State::kQueued;
      queue_.push_front(&pending);
      continue;
    }
    if (!committed && (pending.outcome || batch.size() == 1)) pending.outcome = committed;
    pending.ticket = ticket;
    pending.state = State::kDone;
    pending.event->notify_all();
  }
}

void Batcher::take_out(Pending& pending) {
  const auto it = std::find(queue_.begin(), queue_.end(), &pending);
  CHECK(it != queue_.end());
  queue_.erase(it);
  room_->notify_all();
}

void Batcher::wake_front() {
  if (!queue_.empty() && !is_leading_) queue_.front()->event->notify_all();
}

void Batcher::close() {
  MutexLock lock(mutex_);
  is_closed_ = true;
  room_->notify_all();
  (void)room_->wait(Scope{}, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return inside_ == 0; });
}

std::size_t Batcher::queued() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

}  // namespace headrace::records
