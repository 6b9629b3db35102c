// SPDX-License-Identifier: Apache-2.0
// The measurements of `headrace bench`: the table of JuiceFS's `bench` on any folder. Every byte that is read is
// compared with what was written, outside the time that is measured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/event.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "base/scope.h"

namespace headrace::cli {

struct BenchSettings {
  std::string folder;                    // is made, and removed at the end
  unsigned threads = 1;                  // each with files of its own
  std::uint64_t big_bytes = 1ull << 30;  // of each thread's big file; 0: none
  std::uint64_t block_bytes = 1u << 20;  // of a read or write of the big file
  std::uint64_t small_bytes = 128u << 10;
  std::uint64_t small_count = 100;  // of each thread; 0: none
};

struct BenchItem {
  std::string name;         // "write big file"
  bool is_bytes = false;    // the value is bytes per second; else operations per second
  double per_second = 0;    // of all threads together
  double seconds_each = 0;  // of one file, or one stat
};

struct BenchResult {
  std::vector<BenchItem> items;
  std::uint64_t verified_bytes = 0;
};

/// `step` is told before each measurement what it will be. kExists: the folder is there; kDamaged: a byte came back
/// wrong; errors of the system calls; kInterrupted. The folder is removed in any case.
Result<BenchResult> run_bench(const Scope& scope, Scheduler& scheduler, const BenchSettings& settings,
                              FunctionRef<void(const std::string&)> step);

/// Bytes per second of one thread that copies memory, for comparison.
double memory_copy_rate(const Clock& clock);

}  // namespace headrace::cli
