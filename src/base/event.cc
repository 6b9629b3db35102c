// SPDX-License-Identifier: Apache-2.0
// Events over condition variables.
#include "base/event.h"

#include <pthread.h>

#include <condition_variable>
#include <optional>

namespace headrace {
namespace {

thread_local std::function<void()> wait_hook;

// A waiter goes to sleep under a mutex of the event's own, taken before the caller's is given up. So a notification
// cannot fall between its last look and its sleep, and the stop callback needs only the inner mutex: request_stop() may
// be called with the caller's mutex held. Order: the caller's mutex, then the inner one; nothing is locked under the
// inner one.
class SystemEvent final : public Event {
 public:
  void notify_all() override {
    std::lock_guard lock(inner_);
    condition_.notify_all();
  }

 protected:
  Result<void> sleep_until(const Scope& scope, Mutex& mutex, FunctionRef<bool()> holds) override REQUIRES(mutex) {
    if (wait_hook) {
      // The hook may take locks of the lane: not under the waiter's mutex.
      mutex.unlock();
      wait_hook();
      mutex.lock();
      if (holds()) return {};
    }
    auto notify = [this] { notify_all(); };
    std::optional<std::stop_callback<decltype(notify)>> on_stop;
    if (scope.stop.stop_possible()) on_stop.emplace(scope.stop, notify);
    for (;;) {
      const bool is_late = sleep_once(scope, mutex);
      if (holds()) return {};
      if (scope.stop.stop_requested()) return Code::kInterrupted;
      if (is_late) return Code::kTimedOut;
    }
  }

 private:
  /// Sleeps until the next notification, stop or deadline; true when the deadline has passed.
  bool sleep_once(const Scope& scope, Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock lock(inner_);
    mutex.unlock();
    bool is_late = false;
    if (!scope.stop.stop_requested()) {
      if (scope.deadline == Moment::max()) {
        condition_.wait(lock);
      } else {
        is_late = condition_.wait_until(lock, scope.deadline) == std::cv_status::timeout;
      }
    }
    lock.unlock();
    mutex.lock();
    return is_late;
  }

  std::mutex inner_;
  std::condition_variable condition_;
};

}  // namespace

std::unique_ptr<Event> SystemScheduler::new_event() { return std::make_unique<SystemEvent>(); }

std::jthread SystemScheduler::new_thread(std::string name, std::function<void(std::stop_token)> body) {
  return std::jthread([name = std::move(name), body = std::move(body)](std::stop_token stop) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    body(stop);
  });
}

void set_wait_hook(std::function<void()> hook) { wait_hook = std::move(hook); }

void about_to_block() {
  if (wait_hook) wait_hook();
}

Result<void> pause(Scheduler& scheduler, const Scope& scope, Duration length) {
  const Moment now = scheduler.clock().now();
  const Moment end = length < Moment::max() - now ? now + length : Moment::max();
  const auto event = scheduler.new_event();
  Mutex mutex;
  MutexLock lock(mutex);
  Result<void> slept = event->wait(scope.until(end), mutex, [] { return false; });
  if (!slept && slept.code() == Code::kTimedOut && end <= scope.deadline) return {};
  return slept;
}

}  // namespace headrace
