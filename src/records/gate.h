// SPDX-License-Identifier: Apache-2.0
// Who is inside an engine, so that closing it can wait until they have left.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "base/event.h"

namespace headrace::records {

/// Thread-safe.
class Gate {
 public:
  explicit Gate(Scheduler& scheduler) : left_(scheduler.new_event()) {}

  /// Inside until it ends.
  class Visit {
   public:
    explicit Visit(Gate& gate) : gate_(&gate) {}
    Visit(Visit&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Visit& operator=(Visit&&) = delete;
    ~Visit() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    Gate* gate_;
  };

  /// kBadHandle: closed.
  Result<Visit> enter() {
    MutexLock lock(mutex_);
    if (is_closed_) return Error(Code::kBadHandle, "the metadata engine is closed");
    ++inside_;
    return Visit(*this);
  }

  /// Lets nobody in any more and waits until all have left. Whether this call was the first.
  bool close() {
    MutexLock lock(mutex_);
    const bool is_first = !std::exchange(is_closed_, true);
    (void)left_->wait(Scope{}, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return inside_ == 0; });
    return is_first;
  }

 private:
  void leave() {
    MutexLock lock(mutex_);
    if (--inside_ == 0 && is_closed_) left_->notify_all();
  }

  Mutex mutex_;
  std::size_t inside_ GUARDED_BY(mutex_) = 0;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<Event> left_;
};

}  // namespace headrace::records
