// SPDX-License-Identifier: Apache-2.0
// The one way to wait. An Event is a condition that other threads announce: a waiter names the condition as a predicate
// over state that a Mutex guards, and leaves when it holds, when the scope's deadline passes, or when the scope is
// asked to stop. A Scheduler makes events and threads, so that a simulation can put real threads under a baton.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/function_ref.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/scope.h"

namespace headrace {

/// Thread-safe. An event outlives all who wait on it.
class Event {
 public:
  virtual ~Event() = default;

  /// Waits until `holds()`; it is called with `mutex` held, before the first sleep and after each wake-up. With `mutex`
  /// held on entry and on return. kTimedOut: the deadline passed; kInterrupted: the scope was stopped. In both cases
  /// `holds()` is false on return. request_stop() may be called with `mutex` held.
  Result<void> wait(const Scope& scope, Mutex& mutex, FunctionRef<bool()> holds) REQUIRES(mutex) {
    if (holds()) return {};
    return sleep_until(scope, mutex, holds);
  }

  /// Wakes all who wait; they ask their predicates again. May be called with or without the mutex, after the state has
  /// changed under it. Where the waiter may end the event's life as soon as it is awake, call it with the mutex.
  virtual void notify_all() = 0;

 protected:
  /// wait(), when the condition did not hold at once. Releases the mutex while it sleeps.
  virtual Result<void> sleep_until(const Scope& scope, Mutex& mutex, FunctionRef<bool()> holds) REQUIRES(mutex) = 0;
};

/// Makes what waits and what runs. Thread-safe.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual std::unique_ptr<Event> new_event() = 0;
  /// A named thread (at most 15 bytes of the name are shown by the system). It must end when its stop token is asked
  /// to.
  virtual std::jthread new_thread(std::string name, std::function<void(std::stop_token)> body) = 0;
  virtual const Clock& clock() const = 0;
};

/// The real one: condition variables and the system's threads.
class SystemScheduler final : public Scheduler {
 public:
  std::unique_ptr<Event> new_event() override;
  std::jthread new_thread(std::string name, std::function<void(std::stop_token)> body) override;
  const Clock& clock() const override { return clock_; }

 private:
  SystemClock clock_;
};

/// A lane thread wants to know before it goes to sleep, so that another one can take its place at the device first.
/// Each thread has at most one hook; it is called before every wait of an Event that really sleeps, and by
/// about_to_block() before blocking I/O. The hook itself must not wait. (Thread-local, not global: it belongs to the
/// thread that set it.)
void set_wait_hook(std::function<void()> hook);
/// To be called before I/O that may block this thread for longer than a cached read takes: disk, network, another
/// process.
void about_to_block();

/// Does nothing for so long: for pauses between attempts and periodic work. Ok when the pause is over, kInterrupted
/// when the scope was stopped, kTimedOut when its deadline came before the end of the pause.
Result<void> pause(Scheduler& scheduler, const Scope& scope, Duration length);

}  // namespace headrace
