// SPDX-License-Identifier: Apache-2.0
// Which requests run now, so that an INTERRUPT finds the one it is about. Each thread has one place, since it runs one
// request at a time: beginning and ending a request costs an uncontended lock and no memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <stop_token>

#include "base/clock.h"
#include "base/mutex.h"

namespace headrace::fuse {

/// Thread-safe.
class RunningRequests {
 public:
  class Place {
   public:
    Place() = default;

   private:
    friend class RunningRequests;
    Mutex mutex_;
    std::uint64_t unique_ GUARDED_BY(mutex_) = 0;  // 0: nothing runs
    bool was_stopped_ GUARDED_BY(mutex_) = false;  // stop_ was asked for and cannot be used again
    std::stop_source stop_ GUARDED_BY(mutex_);
  };

  explicit RunningRequests(const Clock& clock) : clock_(clock) {}

  /// A place for one thread. Places stay until this object ends; one that was given back is given out again.
  Place& take_place();
  void give_back(Place& place);

  /// The token that an interrupt of this request stops, perhaps at once: the interrupt may have been read before.
  std::stop_token begin(Place& place, std::uint64_t unique);
  /// Whether the request was interrupted while it ran.
  bool end(Place& place);

  /// True: it runs, and was stopped. False: it does not; should it begin within some seconds, it will be stopped then.
  bool interrupt(std::uint64_t unique);
  /// Stops everything that runs.
  void interrupt_all();

 private:
  struct Early {
    std::uint64_t unique;
    Moment seen;
  };
  bool stop_if_running(std::uint64_t unique);
  bool take_early(std::uint64_t unique);

  const Clock& clock_;
  mutable Mutex mutex_;
  std::list<Place> places_ GUARDED_BY(mutex_);
  std::deque<Place*> free_ GUARDED_BY(mutex_);
  Mutex early_mutex_;
  // Interrupts of requests that were not seen to run: on their way between the read and begin(), or over.
  std::deque<Early> early_ GUARDED_BY(early_mutex_);
  std::atomic<std::uint32_t> early_count_ = 0;
};

}  // namespace headrace::fuse
