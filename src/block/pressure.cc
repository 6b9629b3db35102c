// SPDX-License-Identifier: Apache-2.0
// Look, decide, shrink.
#include "block/pressure.h"

#include <algorithm>

#include "base/uri.h"

namespace headrace::block {

std::uint64_t bytes_to_give_back(const MemoryUse& use, const std::optional<MemoryPressure>& pressure,
                                 std::uint64_t tier_bytes, const PressureOptions& options) {
  const auto share = static_cast<std::uint64_t>(static_cast<double>(use.limit_bytes()) * options.reserve_share);
  const std::uint64_t reserve = std::min(share, options.reserve_bytes_max), left = use.left_bytes();
  std::uint64_t wanted = left < reserve ? reserve - left : 0;
  if (pressure && (pressure->some_10s > options.some_stall_max || pressure->full_10s > options.full_stall_max)) {
    wanted = std::max(wanted, tier_bytes / 16);
  }
  return std::min(wanted, tier_bytes);
}

PressureWatcher::PressureWatcher(Scheduler& scheduler, const Log& log, NodeTier& tier, const MemoryLimit& limit,
                                 const PressureOptions& options)
    : scheduler_(scheduler), log_(log), tier_(tier), limit_(limit), options_(options) {
  thread_ = scheduler.new_thread("pressure", [this](const std::stop_token& stop) { watch(stop); });
}

void PressureWatcher::close() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void PressureWatcher::watch(const std::stop_token& stop) {
  while (pause(scheduler_, Scope{Moment::max(), stop}, options_.interval)) look();
}

void PressureWatcher::look() {
  const Result<MemoryUse> use = limit_.use();
  if (!use) {
    if (!has_said_blind_)
      log_.warn("cannot see how much memory is left: the node's copies will not shrink by themselves",
                {{"error", use.error().text()}});
    has_said_blind_ = true;
    return;
  }
  const Result<MemoryPressure> pressure = limit_.pressure();
  const std::uint64_t wanted =
      bytes_to_give_back(*use, pressure ? std::optional(*pressure) : std::nullopt, tier_.stats().used_bytes, options_);
  if (wanted == 0) {
    is_short_ = false;
    return;
  }
  const std::uint64_t freed = tier_.shrink(wanted);
  given_back_bytes_ += freed;
  if (!is_short_) {
    log_.info(
        "memory is short: the node's copies shrink",
        {{"wanted", format_size(wanted)}, {"freed", format_size(freed)}, {"left", format_size(use->left_bytes())}});
  }
  is_short_ = true;
}

}  // namespace headrace::block
