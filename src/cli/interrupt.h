// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM: the first one asks the work to stop, the second one ends the process at once.
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>

#include "base/event.h"
#include "base/fd.h"

namespace headrace::cli {

/// Watches while it lives. Made before any other thread exists, since it blocks the signals in its own thread and those
/// that follow. One a process.
class InterruptWatch {
 public:
  /// `at_second` runs on the second signal and does not come back.
  InterruptWatch(Scheduler& scheduler, std::function<void()> at_second);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  /// Stopped by the first signal, or by stop().
  std::stop_token token() const { return stop_.get_token(); }
  /// As if a signal had come, without being counted as one.
  void stop() { stop_.request_stop(); }
  /// Whether a signal came.
  bool has_come() const { return signals_.load() > 0; }

 private:
  void watch();

  std::stop_source stop_;
  std::function<void()> at_second_;
  std::atomic<int> signals_ = 0;
  UniqueFd signal_fd_, end_fd_;
  std::jthread thread_;
};

}  // namespace headrace::cli
