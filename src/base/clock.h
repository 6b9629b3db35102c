// SPDX-License-Identifier: Apache-2.0
// Time comes in through the constructor: nothing but this file asks the system for it. Waiting and deadlines use the
// monotonic clock; what is stored uses the wall clock.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/attr.h"
#include "base/mutex.h"

namespace headrace {

using Duration = std::chrono::nanoseconds;
/// A moment of the monotonic clock. Comparable only with moments of the same clock.
using Moment = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  /// Never goes back. Thread-safe.
  virtual Moment now() const = 0;
  /// The wall clock. May jump. Thread-safe.
  virtual Timestamp wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  Moment now() const override;
  Timestamp wall() const override;
};

/// A clock that tests move by hand. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp wall = {1700000000, 0}) : wall_(wall) {}
  Moment now() const override;
  Timestamp wall() const override;
  /// Moves both faces of the clock forward.
  void advance(Duration by);
  /// Moves the wall alone, as an administrator would.
  void set_wall(Timestamp wall);

 private:
  mutable Mutex mutex_;
  Moment now_ GUARDED_BY(mutex_){};
  Timestamp wall_ GUARDED_BY(mutex_);
};

}  // namespace headrace
