// SPDX-License-Identifier: Apache-2.0
// Writes go to the store without being asked to: after a while, when memory is short, and after the last close. A few
// threads take files from a queue; each file is in it at most once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>
#include <vector>

#include "vfs/open_file.h"

namespace headrace::vfs {

/// Thread-safe.
class Flusher {
 public:
  Flusher(const Context& context, FileTable& files);
  ~Flusher() { close(); }

  /// A file has unflushed bytes from now on: the clock ticks for it.
  void touched();
  /// Flushes the file soon, then calls `after`, from a thread of this object.
  void flush_soon(std::shared_ptr<OpenFile> file, std::function<void()> after);
  /// Finishes what is queued and ends the threads. Idempotent. Nothing may be queued afterwards.
  void close();

 private:
  struct Job {
    std::shared_ptr<OpenFile> file;
    std::function<void()> after;
  };
  void work(std::stop_token stop);
  void watch(std::stop_token stop);
  void enqueue_old_files();

  const Context& context_;
  FileTable& files_;
  Mutex mutex_;
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  std::unordered_set<const OpenFile*> queued_ GUARDED_BY(mutex_);  // by the watch; jobs with an `after` are not in it
  bool is_dirty_ GUARDED_BY(mutex_) = false;
  bool is_closing_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<Event> changed_;
  std::vector<std::jthread> threads_;
};

}  // namespace headrace::vfs
