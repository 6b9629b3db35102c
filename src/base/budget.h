// SPDX-License-Identifier: Apache-2.0
// One memory budget for a process: whoever holds bytes for others (write buffers, read windows, blocks in flight) takes them from
// it first. Taking waits or fails; nothing allocates around it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "base/event.h"

namespace headrace {

class Budget;

/// Bytes taken from a budget; gives them back when it ends. Movable.
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

  /// Waits until the bytes are free, first come first served. A request larger than the whole budget is kInvalid.
  /// kTimedOut, kInterrupted as Event::wait.
  Result<Reservation> take(const Scope& scope, std::uint64_t bytes);
  /// Takes the bytes now, or nothing: for work that can be dropped (readahead). Leaves a tenth of the budget to take().
  Reservation try_take(std::uint64_t bytes);

  std::uint64_t used_bytes() const;
  std::uint64_t bytes_max() const { return bytes_max_; }
  /// How many callers of take() wait now.
  std::uint64_t waiting() const;

 private:
  friend class Reservation;
  void give_back(std::uint64_t bytes);

  const std::uint64_t bytes_max_;
  mutable Mutex mutex_;
  std::uint64_t used_ GUARDED_BY(mutex_) = 0;
  std::uint64_t next_ticket_ GUARDED_BY(mutex_) = 0;
  std::deque<std::uint64_t> queue_ GUARDED_BY(mutex_);  // tickets of those who wait, oldest first
  std::unique_ptr<Event> changed_;
};

}  // namespace headrace
