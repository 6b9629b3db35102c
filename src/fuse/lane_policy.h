// SPDX-License-Identifier: Apache-2.0
// The decisions of the classic lane, apart from the threads that act on them. Pure.
//
// One thread reads while there is little to do, so that it stays on a warm core and a request costs no hand-over. It
// serves what it read by itself. Another one is sent to read when it is about to sleep, or when it finds at each return
// that requests are waiting. What keeps the device served: at most `threads_max - 1` threads run requests that may
// wait, so that one is always free to read. When it reads a request beyond that, the request is put aside until a
// thread is done, and the reader goes on reading: interrupts, forgets and unmounting never wait for a slow store.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "fuse/request.h"

namespace headrace::fuse {

/// Limits of a lane's threads.
struct LaneLimits {
  unsigned threads_max = 0;  // at least 2
  unsigned readers_max = 0;  // how many may wait at the device at once
  unsigned cpus = 1;
  Duration spin = {};  // how long a reader looks for a request before it sleeps; 0: not at all
  std::size_t aside_requests_max = 4096;
  std::size_t aside_bytes_max = 64u << 20;
};

/// Enough threads that misses can wait for the store side by side (a miss takes milliseconds), few enough that their
/// stacks do not matter.
constexpr LaneLimits default_lane_limits(unsigned cpus) {
  return {.threads_max = std::min(2 * cpus + 48, 128u),
          .readers_max = std::clamp(cpus, 1u, 4u),
          .cpus = std::max(cpus, 1u),
          .spin = cpus > 1 ? std::chrono::microseconds(50) : Duration()};
}

/// How many descriptors are worth having: one for each thread that is likely to be busy with hits.
constexpr std::size_t default_device_count(unsigned cpus) { return std::clamp(cpus, 1u, 16u); }

/// Whether a read took no longer than copying what it brought: the request had been waiting.
constexpr bool was_waiting(Duration read_took, std::size_t bytes) {
  return read_took < std::chrono::microseconds(4) + std::chrono::nanoseconds(bytes);  // 1 GB/s
}

/// What a thread remembers of its last reads.
struct ReadHistory {
  unsigned waiting_in_a_row = 0;  // reads that found a request waiting
  unsigned calm_in_a_row = 0;     // reads that slept

  constexpr void note(bool was_request_waiting) {
    waiting_in_a_row = was_request_waiting ? waiting_in_a_row + 1 : 0;
    calm_in_a_row = was_request_waiting ? 0 : calm_in_a_row + 1;
  }
};

/// Whether a reader that looks before it sleeps has been lucky. Waking a sleeping core takes longer than most requests,
/// so who asks one thing after the other is served two to three times as fast; who asks rarely must not pay for it.
class SpinHistory {
 public:
  constexpr bool is_worth_it() {
    if (pass_by_ == 0) return true;
    --pass_by_;
    return false;
  }
  constexpr void note(bool was_found) {
    misses_in_a_row_ = was_found ? 0 : misses_in_a_row_ + 1;
    if (misses_in_a_row_ >= kMissesMax) pass_by_ = kPassedBy;
  }
  static constexpr unsigned kMissesMax = 3, kPassedBy = 64;  // one in so many after that, until one is lucky

 private:
  unsigned misses_in_a_row_ = 0, pass_by_ = 0;
};

/// Looks at the device at most so often, whatever the clock says.
inline constexpr unsigned kLooksMax = 1000;

inline constexpr unsigned kReadsWaitingForHelp = 4, kReadsCalmForRest = 16;

/// Before a thread serves what it read: shall another one read meanwhile? `working`: threads that run and do not sleep,
/// this one included.
constexpr bool wants_help(const ReadHistory& history, unsigned readers_left, unsigned working,
                          const LaneLimits& limits) {
  return readers_left == 0 && history.waiting_in_a_row >= kReadsWaitingForHelp && working < limits.cpus;
}

/// After a thread served what it read: shall it rest instead of reading? `other_readers`: threads at the device without
/// it.
constexpr bool may_rest(const ReadHistory& history, unsigned other_readers, const LaneLimits& limits) {
  if (other_readers == 0) return false;
  return other_readers >= limits.readers_max || history.calm_in_a_row >= kReadsCalmForRest;
}

/// How long a request may take before it fails (reliability sheet, section 4): bytes on their way in and out get more
/// than names.
Duration time_limit_of(std::uint32_t opcode);

/// Whether a request that runs ends when its caller got a signal. The kernel says so for any signal, a profiler's or a
/// timer's too, and the caller then sees EINTR. What changes names or attributes runs on, to its deadline at most: a
/// mkdir that happened must not say EINTR, since who tries again gets EEXIST.
bool may_be_interrupted(const Request& request);

}  // namespace headrace::fuse
