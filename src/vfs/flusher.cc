// SPDX-License-Identifier: Apache-2.0
// Background flushing.
#include "vfs/flusher.h"

#include <algorithm>

namespace headrace::vfs {
namespace {

constexpr int kWorkers = 4;
constexpr Duration kTick = std::chrono::milliseconds(250);
/// A flush that takes longer than this is given up, and tried again at the next tick.
constexpr Duration kFlushMax = std::chrono::seconds(300);

}  // namespace

Flusher::Flusher(const Context& context, FileTable& files)
    : context_(context), files_(files), changed_(context.scheduler.new_event()) {
  threads_.push_back(context_.scheduler.new_thread("flush-watch", [this](std::stop_token stop) { watch(stop); }));
  for (int i = 0; i < kWorkers; ++i) {
    threads_.push_back(context_.scheduler.new_thread("flush", [this](std::stop_token stop) { work(stop); }));
  }
}

void Flusher::touched() {
  {
    MutexLock lock(mutex_);
    if (is_dirty_) return;
    is_dirty_ = true;
  }
  changed_->notify_all();
}

void Flusher::flush_soon(std::shared_ptr<OpenFile> file, std::function<void()> after) {
  {
    MutexLock lock(mutex_);
    jobs_.push_back({std::move(file), std::move(after)});
  }
  changed_->notify_all();
}

void Flusher::watch(std::stop_token stop) {
  const Scope forever{Moment::max(), stop};
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!changed_->wait(forever, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return is_dirty_ || is_closing_; }))
        return;
      if (is_closing_) return;
    }
    if (!pause(context_.scheduler, forever, kTick)) return;
    enqueue_old_files();
  }
}

void Flusher::enqueue_old_files() {
  const Moment now = context_.scheduler.clock().now();
  // Someone waits for memory: what lies in half-filled slices goes first, however young.
  const bool is_short =
      context_.budget.waiting() != 0 || context_.budget.used_bytes() > context_.budget.bytes_max() / 4 * 3;
  std::vector<std::shared_ptr<OpenFile>> due;
  bool any = false;
  for (const auto& file : files_.all()) {
    const Moment oldest = file->bytes().oldest_dirty();
    if (oldest == Moment::max()) continue;
    any = true;
    if (is_short || now - oldest >= context_.options.slice_age_max) due.push_back(file);
  }
  std::sort(due.begin(), due.end(),
            [](const auto& a, const auto& b) { return a->bytes().oldest_dirty() < b->bytes().oldest_dirty(); });
  {
    MutexLock lock(mutex_);
    is_dirty_ = any;
    for (auto& file : due) {
      if (queued_.insert(file.get()).second) jobs_.push_back({std::move(file), {}});
    }
  }
  changed_->notify_all();
}

void Flusher::work(std::stop_token stop) {
  for (;;) {
    Job job;
    {
      MutexLock lock(mutex_);
      if (!changed_->wait({Moment::max(), stop}, mutex_,
                          [this]() NO_THREAD_SAFETY_ANALYSIS { return !jobs_.empty() || is_closing_; }))
        return;
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      if (!job.after) queued_.erase(job.file.get());
    }
    const Scope scope{context_.scheduler.clock().now() + kFlushMax, {}};
    if (Result<void> flushed = job.file->bytes().flush(scope); !flushed) {
      // The file's handles are told at their next fsync or close; lost bytes were logged where they were lost.
      context_.log.warn("background flush failed",
                        {{"ino", std::to_string(job.file->ino().value())}, {"err", flushed.error().text()}});
    }
    if (job.after) job.after();
    files_.drop_if_idle(job.file);
  }
}

void Flusher::close() {
  {
    MutexLock lock(mutex_);
    is_closing_ = true;
  }
  changed_->notify_all();
  for (std::jthread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace headrace::vfs
