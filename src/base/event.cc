// SPDX-License-Identifier: Apache-2.0
// Events over condition variables.
#include "base/event.h"

#include <pthread.h>

#include <condition_variable>
#include <optional>

namespace headrace {
namespace {

thread_local std::function<void()> wait_hook;

class SystemEvent final : public Event {
 public:
  void notify_all() override { condition_.notify_all(); }

 protected:
  Result<void> sleep_until(const Scope& scope, Mutex& mutex, FunctionRef<bool()> holds) override NO_THREAD_SAFETY_ANALYSIS {
    if (wait_hook) {
      // The hook may take locks of the lane: not under the waiter's mutex. The predicate is asked again before any sleep.
      mutex.unlock();
      wait_hook();
      mutex.lock();
    }
    if (!scope.stop.stop_possible()) return sleep_loop(scope, mutex, holds);
    // The callback takes the mutex, so that its notification cannot fall between a look at the stop token and the sleep. It is
    // registered and removed with the mutex free, because it may run at once, and its removal waits for it to end.
    mutex.unlock();
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    on_stop.emplace(scope.stop, [this, &mutex] {
      mutex.lock();
      mutex.unlock();
      condition_.notify_all();
    });
    mutex.lock();
    const Result<void> result = sleep_loop(scope, mutex, holds);
    mutex.unlock();
    on_stop.reset();
    mutex.lock();
    return result;
  }

 private:
  Result<void> sleep_loop(const Scope& scope, Mutex& mutex, FunctionRef<bool()> holds) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.native(), std::adopt_lock);
    Result<void> result;
    while (!holds()) {
      if (scope.stop.stop_requested()) {
        result = Code::kInterrupted;
        break;
      }
      if (scope.deadline == Moment::max()) {
        condition_.wait(lock);
      } else if (condition_.wait_until(lock, scope.deadline) == std::cv_status::timeout && !holds()) {
        result = Code::kTimedOut;
        break;
      }
    }
    lock.release();  // still held: it belongs to the caller
    return result;
  }

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
  const auto event = scheduler.new_event();
  Mutex mutex;
  MutexLock lock(mutex);
  const Moment end = scheduler.clock().now() + length;
  Result<void> slept = event->wait(scope.until(end), mutex, [] { return false; });
  if (!slept && slept.code() == Code::kTimedOut) return {};
  return slept;
}

}  // namespace headrace
