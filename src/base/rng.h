// SPDX-License-Identifier: Apache-2.0
// Chance comes in through the constructor, so that a seed decides it. Not for secrets.
#pragma once

#include <cstdint>

#include "base/mutex.h"

namespace headrace {

/// splitmix64 behind a mutex. Thread-safe; the same seed gives the same sequence to one thread.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    MutexLock lock(mutex_);
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  /// 0 … bound-1; bound must not be 0. The bias is below 2^-32 for the bounds used here.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  /// 0 ≤ x < 1.
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  Mutex mutex_;
  std::uint64_t state_ GUARDED_BY(mutex_);
};

/// A seed from the kernel's entropy.
std::uint64_t random_seed();

}  // namespace headrace
