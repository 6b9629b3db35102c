// SPDX-License-Identifier: Apache-2.0
// Where the replies of a lane go: to the kernel, to the metrics, and to the access log when somebody reads it.
#pragma once

#include <array>
#include <atomic>

#include "base/log.h"
#include "fuse/access_log.h"
#include "fuse/device.h"
#include "fuse/reply.h"
#include "metrics/registry.h"

namespace headrace::fuse {

/// Thread-safe. Made by make_shared. What is given by reference outlives it; `access_log` may be null.
class LanePort final : public ReplyPort {
 public:
  /// `devices` stay open as long as a reply may come: its number must never mean another file.
  LanePort(std::shared_ptr<const Devices> devices, const Clock& clock, const Log& log, metrics::Registry& registry,
           AccessLog* access_log);

  bool send(int device, const RequestHeader& header, std::span<const iovec> parts) override;
  void answered(const Answered& answered) override;

  /// Whether replies shall say what their arguments were.
  bool wants_args() const { return access_log_ != nullptr && access_log_->is_read(); }
  /// A request that could not be parsed.
  void count_malformed(const Error& error);

 private:
  void log_rarely(std::atomic<std::uint64_t>& count, std::string_view message, const std::string& detail);

  const std::shared_ptr<const Devices> devices_;
  const Clock& clock_;
  const Log& log_;
  AccessLog* const access_log_;
  std::array<metrics::Counter*, kOpcodeCount> operations_;
  metrics::Histogram& durations_;
  metrics::Histogram& read_bytes_;
  metrics::Counter& malformed_;
  metrics::Counter& forgotten_;
  struct CountedErrno {
    int error;
    metrics::Counter* counter;
  };
  const std::array<CountedErrno, 4> errors_;
  std::atomic<std::uint64_t> malformed_logged_ = 0, refused_logged_ = 0, forgotten_logged_ = 0;
};

}  // namespace headrace::fuse
