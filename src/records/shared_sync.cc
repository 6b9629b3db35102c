// SPDX-License-Identifier: Apache-2.0
// Syncs by number.
#include "records/shared_sync.h"

#include <utility>

namespace headrace::records {

SharedSync::SharedSync(Scheduler& scheduler, std::function<Result<void>()> force, EngineObserver* observer)
    : scheduler_(scheduler), force_(std::move(force)), observer_(observer), ended_(scheduler.new_event()) {}

std::uint64_t SharedSync::ticket() const {
  MutexLock lock(mutex_);
  return begun_ + 1;
}

Result<void> SharedSync::wait(const Scope& scope, std::uint64_t ticket) {
  MutexLock lock(mutex_);
  while (true) {
    if (!failure_) return failure_.error();
    if (done_ >= ticket) return {};
    if (!is_running_) {
      run_one();
      continue;
    }
    TRY_OK(ended_->wait(scope, mutex_, [this, ticket]() NO_THREAD_SAFETY_ANALYSIS {
      return !is_running_ || done_ >= ticket || !failure_;
    }));
  }
}

void SharedSync::run_one() {
  is_running_ = true;
  const std::uint64_t number = ++begun_;
  mutex_.unlock();
  const Moment begun = scheduler_.clock().now();
  Result<void> forced = force_();
  if (observer_ != nullptr) observer_->on_sync(scheduler_.clock().now() - begun);
  mutex_.lock();
  is_running_ = false;
  done_ = number;
  if (!forced && failure_) failure_ = std::move(forced);
  ended_->notify_all();
}

bool SharedSync::has_failed() const {
  MutexLock lock(mutex_);
  return !failure_.has_value();
}

}  // namespace headrace::records
