// SPDX-License-Identifier: Apache-2.0
// A fixed number of named threads that run jobs in the order they came, with a bounded queue in front: for uploads and
// fetches. A job bounds itself (its own Scope); the pool never kills one.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/event.h"

namespace headrace {

/// Thread-safe. Every job that was accepted runs exactly once, close() or not.
class ThreadPool {
 public:
  using Job = std::move_only_function<void()>;

  /// Threads are called `name`-0, `name`-1 … `queue_max` jobs may wait besides the `threads` that run; both are at
  /// least 1 (CHECK).
  ThreadPool(Scheduler& scheduler, const std::string& name, std::size_t threads, std::size_t queue_max);
  /// close().
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Waits for a place in the queue. kTimedOut, kInterrupted as Event::wait; kBadHandle: closed. The job then never
  /// runs. A job of the pool that submits to it may wait for itself: use try_submit() there.
  Result<void> submit(const Scope& scope, Job job);
  /// kBusy: no place in the queue now; kBadHandle: closed. The job is then still the caller's.
  Result<void> try_submit(Job&& job);

  /// Accepts no more, runs what was accepted, ends the threads. Idempotent; a second caller waits too. Not from a job.
  void close();

  std::size_t queued() const;
  std::size_t running() const;

 private:
  /// A worker without a job, or a caller of submit() without a place. Lives on its thread's stack.
  struct Sleeper {
    std::unique_ptr<Event> wake;
    bool is_called = false;
    Job* job = nullptr;  // of a caller
  };

  void work();
  void enqueue(Job job) REQUIRES(mutex_);
  static void call(Sleeper& sleeper);

  Scheduler& scheduler_;
  const std::size_t queue_max_;
  mutable Mutex mutex_;
  std::deque<Job> queue_ GUARDED_BY(mutex_);
  std::deque<Sleeper*> callers_ GUARDED_BY(mutex_);  // of submit(), oldest first
  std::vector<Sleeper*> idle_ GUARDED_BY(mutex_);    // workers; the last to fall asleep is called first
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  bool is_ended_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<Event> ended_;
  std::vector<std::jthread> threads_;  // changed by the constructor and the first close() alone
};

}  // namespace headrace
