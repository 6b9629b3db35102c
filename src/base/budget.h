// SPDX-License-Identifier: Apache-2.0
// One memory budget for a process: whoever holds bytes for others (write buffers, read windows, blocks in flight) takes
// them from it first. Taking waits or fails; nothing allocates around it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "base/event.h"

namespace headrace {

class Budget;

/// Bytes taken from a budget; gives them back when it ends. Movable. Not thread-safe, but may end on any thread.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { release(); }
  std::uint64_t bytes() const { return bytes_; }
  /// Gives everything back now.
  void release();
  /// Gives back all but `bytes`, which must not be more than are held.
  void shrink_to(std::uint64_t bytes);

 private:
  friend class Budget;
  Reservation(Budget* budget, std::uint64_t bytes) : budget_(budget), bytes_(bytes) {}
  Budget* budget_ = nullptr;
  std::uint64_t bytes_ = 0;
};

/// Thread-safe. Outlives its reservations.
class Budget {
 public:
  Budget(Scheduler& scheduler, std::uint64_t bytes_max);
  ~Budget();
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// Waits until the bytes are free, first come first served: a large request is not overtaken by smaller ones behind
  /// it. A request larger than the whole budget is kInvalid. kTimedOut, kInterrupted as Event::wait. Who holds bytes
  /// and takes more may wait for itself: take all that one piece of work needs at once.
  Result<Reservation> take(const Scope& scope, std::uint64_t bytes);
  /// Takes the bytes now, or nothing (an empty reservation): for work that can be dropped (readahead). Leaves a tenth
  /// of the budget to take(), and never overtakes one who waits there.
  Reservation try_take(std::uint64_t bytes);

  std::uint64_t used_bytes() const;
  std::uint64_t bytes_max() const { return bytes_max_; }
  /// How many callers of take() wait now.
  std::uint64_t waiting() const;

 private:
  friend class Reservation;
  /// One caller of take() that waits. Lives on its stack.
  struct Waiter {
    std::uint64_t bytes = 0;
    bool is_granted = false;
    std::unique_ptr<Event> granted;
  };

  void give_back(std::uint64_t bytes);
  bool fits(std::uint64_t bytes) const REQUIRES(mutex_) { return bytes <= bytes_max_ - used_; }
  /// Hands free bytes to those who wait, oldest first, until the oldest does not fit.
  void grant_in_order() REQUIRES(mutex_);

  Scheduler& scheduler_;
  const std::uint64_t bytes_max_;
  mutable Mutex mutex_;
  std::uint64_t used_ GUARDED_BY(mutex_) = 0;
  std::deque<Waiter*> queue_ GUARDED_BY(mutex_);  // oldest first
};

}  // namespace headrace
