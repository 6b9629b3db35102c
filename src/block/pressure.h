// SPDX-License-Identifier: Apache-2.0
// The tier's memory belongs to whoever needs it more: a watcher looks at the machine and the cgroup once in a while,
// and lets the tier shrink before somebody is killed for want of memory (tmpfs pages count in the cgroup of who wrote
// them).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include "base/event.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "block/node_tier.h"

namespace headrace::block {

struct PressureOptions {
  Duration interval = std::chrono::milliseconds(250);
  /// What shall be left of the limit: this share of it, at most reserve_bytes_max.
  double reserve_share = 1.0 / 16;
  std::uint64_t reserve_bytes_max = 2ull << 30;
  /// Tasks that wait for memory more than this share of the time are suffering: then a sixteenth of the tier goes at
  /// each look.
  double some_stall_max = 0.10, full_stall_max = 0.02;
};

/// How much the tier, which holds `tier_bytes`, shall give back now. Pure.
std::uint64_t bytes_to_give_back(const MemoryUse& use, const std::optional<MemoryPressure>& pressure,
                                 std::uint64_t tier_bytes, const PressureOptions& options);

/// One thread, from the constructor to close(). `scheduler`, `log`, `tier` and `limit` outlive it.
class PressureWatcher {
 public:
  PressureWatcher(Scheduler& scheduler, const Log& log, NodeTier& tier, const MemoryLimit& limit,
                  const PressureOptions& options = {});
  ~PressureWatcher() { close(); }

  /// Ends the thread. Idempotent.
  void close();
  std::uint64_t given_back_bytes() const { return given_back_bytes_; }

 private:
  void watch(const std::stop_token& stop);
  void look();

  Scheduler& scheduler_;
  const Log& log_;
  NodeTier& tier_;
  const MemoryLimit& limit_;
  const PressureOptions options_;
  bool is_short_ = false;  // of the watcher's thread
  bool has_said_blind_ = false;
  std::atomic<std::uint64_t> given_back_bytes_{0};
  std::jthread thread_;
};

}  // namespace headrace::block
