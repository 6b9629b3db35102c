// SPDX-License-Identifier: Apache-2.0
// A pool of threads that is made when its first job comes: a mount that only lists directories needs none of its two
// hundred.
#pragma once

#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/thread_pool.h"

namespace headrace::block {

/// Thread-safe. `scheduler` outlives it.
class LazyPool {
 public:
  LazyPool(Scheduler& scheduler, std::string name, std::size_t threads, std::size_t queue_max)
      : scheduler_(scheduler), name_(std::move(name)), threads_(threads), queue_max_(queue_max) {}
  ~LazyPool() { close(); }

  /// As ThreadPool::try_submit.
  Result<void> try_submit(ThreadPool::Job&& job) {
    MutexLock lock(mutex_);
    if (is_closed_) return Code::kBadHandle;
    if (pool_ == nullptr) pool_ = std::make_unique<ThreadPool>(scheduler_, name_, threads_, queue_max_);
    return pool_->try_submit(std::move(job));
  }
  /// As ThreadPool::close. Not from a job.
  void close() {
    ThreadPool* pool = nullptr;
    {
      MutexLock lock(mutex_);
      is_closed_ = true;
      pool = pool_.get();
    }
    if (pool != nullptr) pool->close();
  }

 private:
  Scheduler& scheduler_;
  const std::string name_;
  const std::size_t threads_, queue_max_;
  Mutex mutex_;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<ThreadPool> pool_ GUARDED_BY(mutex_);
};

}  // namespace headrace::block
