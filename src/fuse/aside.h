// SPDX-License-Identifier: Apache-2.0
// Requests that were read when no thread was free to run them: copies, first come first served, bounded.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/event.h"
#include "fuse/lane_policy.h"

namespace headrace::fuse {

struct AsideRequest {
  int device = -1;
  std::uint64_t unique = 0;
  Moment read_at{};
  std::vector<std::byte> message;
};

/// Thread-safe.
class AsideRequests {
 public:
  AsideRequests(Scheduler& scheduler, const LaneLimits& limits) : limits_(limits), changed_(scheduler.new_event()) {}

  /// Waits for room, at most until close(): what is here already is younger than its deadlines. kInterrupted: closed.
  Result<void> put(AsideRequest request);
  std::optional<AsideRequest> take();
  /// The one request that was given up on, if it is here.
  std::optional<AsideRequest> take(std::uint64_t unique);
  /// Without the lock; orders with the lane's count of busy threads.
  bool is_empty() const { return count_.load() == 0; }
  /// Drops everything; nothing goes in any more.
  void close();

 private:
  bool has_room(std::size_t bytes) const REQUIRES(mutex_) {
    return requests_.empty() ||
           (requests_.size() < limits_.aside_requests_max && bytes_ + bytes <= limits_.aside_bytes_max);
  }

  const LaneLimits limits_;
  const std::unique_ptr<Event> changed_;
  Mutex mutex_;
  std::deque<AsideRequest> requests_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::atomic<std::size_t> count_ = 0;
};

}  // namespace headrace::fuse
