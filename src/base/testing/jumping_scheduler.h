// SPDX-License-Identifier: Apache-2.0
// Time without waiting, for tests with one thread: a wait whose condition does not hold moves the clock to its deadline
// at once. So ten minutes of pauses take no time, and tests can ask how long they were.
#pragma once

#include <memory>

#include "base/check.h"
#include "base/clock.h"
#include "base/event.h"

namespace headrace {

class JumpingScheduler final : public Scheduler {
 public:
  std::unique_ptr<Event> new_event() override { return std::make_unique<JumpingEvent>(clock_); }
  std::jthread new_thread(std::string, std::function<void(std::stop_token)>) override {
    CHECK(false && "JumpingScheduler has one thread");
    return {};
  }
  const Clock& clock() const override { return clock_; }
  ManualClock& manual_clock() { return clock_; }
  Duration elapsed() const { return clock_.now() - start_; }

 private:
  class JumpingEvent final : public Event {
   public:
    explicit JumpingEvent(ManualClock& clock) : clock_(clock) {}
    void notify_all() override {}

   protected:
    Result<void> sleep_until(const Scope& scope, Mutex&, FunctionRef<bool()>) override NO_THREAD_SAFETY_ANALYSIS {
      if (scope.stop.stop_requested()) return Code::kInterrupted;
      CHECK(scope.deadline != Moment::max());
      if (scope.deadline > clock_.now()) clock_.advance(scope.deadline - clock_.now());
      return Code::kTimedOut;
    }

   private:
    ManualClock& clock_;
  };

  ManualClock clock_;
  const Moment start_ = clock_.now();
};

}  // namespace headrace
