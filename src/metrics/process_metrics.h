// SPDX-License-Identifier: Apache-2.0
// What the system knows of this process: memory, CPU time, uptime, descriptors, threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "metrics/registry.h"

namespace headrace::metrics {

struct ProcessNumbers {
  std::uint64_t resident_bytes = 0;
  Duration cpu_time{0};  // user and system, all threads
  std::uint64_t open_fds = 0;
  std::uint64_t threads = 0;
};

/// Reads PROC/self. kIo, kNotFound … where it cannot be read, kDamaged where it is not as proc(5) says.
Result<ProcessNumbers> read_process_numbers(const std::string& proc = "/proc");

/// Counts itself in the registry while it lives; a number that cannot be read is NaN. Clock and registry outlive it.
class ProcessMetrics {
 public:
  /// `version` is the value of headrace_build_info's label.
  ProcessMetrics(Registry& registry, const Clock& clock, std::string_view version);

 private:
  std::vector<Reading> readings_;
};

}  // namespace headrace::metrics
