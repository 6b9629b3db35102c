// SPDX-License-Identifier: Apache-2.0
// Asking again, and taking turns.
#include "records/sqlite/busy.h"

#include <algorithm>

namespace headrace::records {

Result<void> retry_while_busy(Scheduler& scheduler, const Scope& scope, Rng& rng, EngineObserver* observer,
                              FunctionRef<Result<void>()> attempt) {
  Result<void> answer = attempt();
  if (answer || answer.code() != Code::kBusy) return answer;
  const Moment begun = scheduler.clock().now();
  Duration length = std::chrono::microseconds(100);
  while (!answer && answer.code() == Code::kBusy) {
    if (scope.deadline <= scheduler.clock().now()) {
      answer = Error(Code::kTimedOut, "another client holds the lock of the metadata database");
      break;
    }
    const Duration jittered =
        length / 2 + Duration(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(length.count() / 2))));
    const Result<void> paused = pause(scheduler, scope, jittered);
    if (!paused && paused.code() == Code::kInterrupted) return paused;
    length = std::min<Duration>(length * 2, std::chrono::milliseconds(10));
    answer = attempt();
  }
  if (observer != nullptr) observer->on_busy(scheduler.clock().now() - begun);
  return answer;
}

Result<void> Turn::take(const Scope& scope) {
  MutexLock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  waiting_.push_back(ticket);
  const Result<void> waited = given_->wait(
      scope, mutex_, [this, ticket]() NO_THREAD_SAFETY_ANALYSIS { return !is_taken_ && waiting_.front() == ticket; });
  std::erase(waiting_, ticket);
  if (waited)
    is_taken_ = true;
  else
    given_->notify_all();
  return waited;
}

void Turn::give() {
  MutexLock lock(mutex_);
  is_taken_ = false;
  if (!waiting_.empty()) given_->notify_all();
}

std::size_t Turn::waiting() const {
  MutexLock lock(mutex_);
  return waiting_.size();
}

}  // namespace headrace::records
