// SPDX-License-Identifier: Apache-2.0
// A lock that may be held across waits, with a deadline: writers of one file take turns, and a change of its length is
// one turn.
#pragma once

#include <memory>

#include "base/event.h"

namespace headrace::vfs {

class Turn {
 public:
  explicit Turn(Scheduler& scheduler) : free_(scheduler.new_event()) {}

  /// Held from take() until it ends. Movable.
  class Held {
   public:
    Held() = default;
    explicit Held(Turn* turn) : turn_(turn) {}
    Held(Held&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Held& operator=(Held&& other) noexcept {
      give_back();
      turn_ = std::exchange(other.turn_, nullptr);
      return *this;
    }
    ~Held() { give_back(); }

   private:
    void give_back() {
      if (turn_ != nullptr) turn_->give_back();
      turn_ = nullptr;
    }
    Turn* turn_ = nullptr;
  };

  Result<Held> take(const Scope& scope) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    TRY_OK(free_->wait(scope, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return !taken_; }));
    taken_ = true;
    return Held(this);
  }

 private:
  void give_back() EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      taken_ = false;
    }
    free_->notify_all();
  }

  Mutex mutex_;
  bool taken_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<Event> free_;
};

}  // namespace headrace::vfs
