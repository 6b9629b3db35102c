// SPDX-License-Identifier: Apache-2.0
// The system's clocks, and one that stands still.
#include "base/clock.h"

#include <ctime>

#include "base/check.h"

namespace headrace {

Moment SystemClock::now() const { return std::chrono::steady_clock::now(); }

Timestamp SystemClock::wall() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec, static_cast<std::uint32_t>(now.tv_nsec)};
}

Moment ManualClock::now() const {
  MutexLock lock(mutex_);
  return now_;
}

Timestamp ManualClock::wall() const {
  MutexLock lock(mutex_);
  return wall_;
}

void ManualClock::advance(Duration by) {
  CHECK(by >= Duration::zero());
  MutexLock lock(mutex_);
  now_ += by;
  const std::int64_t nanoseconds = wall_.nanoseconds + by.count() % 1'000'000'000;
  wall_.seconds += by.count() / 1'000'000'000 + nanoseconds / 1'000'000'000;
  wall_.nanoseconds = static_cast<std::uint32_t>(nanoseconds % 1'000'000'000);
}

void ManualClock::set_wall(Timestamp wall) {
  MutexLock lock(mutex_);
  wall_ = wall;
}

}  // namespace headrace
