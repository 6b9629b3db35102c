// SPDX-License-Identifier: Apache-2.0
// How many things a component does now, so that closing it can wait for them and let nothing new begin.
#pragma once

#include <cstdint>
#include <memory>

#include "base/event.h"
#include "base/mutex.h"
#include "base/result.h"

namespace headrace::block {

/// Thread-safe.
class Activity {
 public:
  explicit Activity(Scheduler& scheduler) : changed_(scheduler.new_event()) {}

  /// False: closed, and nothing has begun.
  bool begin() {
    MutexLock lock(mutex_);
    if (is_closed_) return false;
    ++running_;
    return true;
  }
  void end() {
    MutexLock lock(mutex_);
    if (--running_ == 0) changed_->notify_all();
  }
  /// Waits until nothing runs; from then on nothing begins. An error: the scope ended first, and things may still
  /// begin. Idempotent.
  Result<void> close(const Scope& scope) {
    MutexLock lock(mutex_);
    TRY_OK(changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return running_ == 0; }));
    is_closed_ = true;
    return {};
  }

 private:
  Mutex mutex_;
  std::uint64_t running_ GUARDED_BY(mutex_) = 0;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<Event> changed_;
};

/// One thing that is done while this lives, if it could begin.
class Active {
 public:
  explicit Active(Activity& activity) : activity_(activity.begin() ? &activity : nullptr) {}
  ~Active() {
    if (activity_ != nullptr) activity_->end();
  }
  Active(const Active&) = delete;
  Active& operator=(const Active&) = delete;
  bool has_begun() const { return activity_ != nullptr; }

 private:
  Activity* activity_;
};

}  // namespace headrace::block
