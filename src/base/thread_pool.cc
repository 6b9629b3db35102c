// SPDX-License-Identifier: Apache-2.0
// One queue, one mutex: a job is a request to the world and costs much more than either. Each sleeper has an event of
// its own, so that a job wakes one worker and not all of them.
#include "base/thread_pool.h"

#include <utility>

#include "base/check.h"

namespace headrace {

ThreadPool::ThreadPool(Scheduler& scheduler, const std::string& name, std::size_t threads, std::size_t queue_max)
    : scheduler_(scheduler), queue_max_(queue_max), ended_(scheduler.new_event()) {
  CHECK(threads > 0 && queue_max > 0);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.push_back(
        scheduler.new_thread(name + "-" + std::to_string(i), [this](const std::stop_token&) { work(); }));
  }
}

ThreadPool::~ThreadPool() { close(); }

void ThreadPool::call(Sleeper& sleeper) {
  sleeper.is_called = true;
  sleeper.wake->notify_all();  // with the mutex held: the sleeper ends soon after
}

void ThreadPool::enqueue(Job job) {
  queue_.push_back(std::move(job));
  if (idle_.empty()) return;
  call(*idle_.back());
  idle_.pop_back();
}

Result<void> ThreadPool::submit(const Scope& scope, Job job) {
  MutexLock lock(mutex_);
  if (is_closed_) return Code::kBadHandle;
  if (callers_.empty() && queue_.size() < queue_max_) {
    enqueue(std::move(job));
    return {};
  }
  Sleeper sleeper;
  sleeper.wake = scheduler_.new_event();
  sleeper.job = &job;
  callers_.push_back(&sleeper);
  const Result<void> waited = sleeper.wake->wait(scope, mutex_, [&] { return sleeper.is_called; });
  if (!sleeper.is_called) {
    std::erase(callers_, &sleeper);
    return waited.error();
  }
  if (sleeper.job != nullptr) return Code::kBadHandle;  // called by close()
  return {};
}

Result<void> ThreadPool::try_submit(Job&& job) {
  MutexLock lock(mutex_);
  if (is_closed_) return Code::kBadHandle;
  if (!callers_.empty() || queue_.size() >= queue_max_) return Code::kBusy;
  enqueue(std::move(job));
  return {};
}

void ThreadPool::work() {
  Sleeper self;
  self.wake = scheduler_.new_event();
  MutexLock lock(mutex_);
  for (;;) {
    if (queue_.empty()) {
      if (is_closed_) return;
      self.is_called = false;
      idle_.push_back(&self);
      CHECK(self.wake->wait(Scope(), mutex_, [&] { return self.is_called; }));
      continue;
    }
    Job job = std::move(queue_.front());
    queue_.pop_front();
    if (!callers_.empty()) {
      Sleeper& caller = *callers_.front();
      callers_.pop_front();
      enqueue(std::move(*std::exchange(caller.job, nullptr)));
      call(caller);
    }
    ++running_;
    lock.unlock();
    job();
    job = nullptr;  // what it owns ends here, not under the mutex
    lock.lock();
    --running_;
  }
}

void ThreadPool::close() {
  MutexLock lock(mutex_);
  if (is_closed_) {
    CHECK(ended_->wait(Scope(), mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return is_ended_; }));
    return;
  }
  is_closed_ = true;
  for (Sleeper* caller : callers_) call(*caller);
  for (Sleeper* worker : idle_) call(*worker);
  callers_.clear();
  idle_.clear();
  lock.unlock();
  for (std::jthread& thread : threads_) thread.join();
  lock.lock();
  is_ended_ = true;
  ended_->notify_all();
}

std::size_t ThreadPool::queued() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

std::size_t ThreadPool::running() const {
  MutexLock lock(mutex_);
  return running_;
}

}  // namespace headrace
