// SPDX-License-Identifier: Apache-2.0
// Numbers that many threads add to and few read: one copy of each for a group of processors, each on cache lines of its
// own, summed when somebody looks. Adding costs an uncontended atomic instruction.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace headrace::metrics {

/// `count` sums, all zero at first. Thread-safe.
class Cells {
 public:
  explicit Cells(std::size_t count);
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;

  void add(std::size_t cell, std::uint64_t by) { here()[cell].fetch_add(by, std::memory_order_relaxed); }
  /// Everything added before; what is added meanwhile may be in it or not. Wraps around at 2^64.
  std::uint64_t sum(std::size_t cell) const;

 private:
  using Cell = std::atomic<std::uint64_t>;
  /// The calling thread's copy. It may be moved to another processor meanwhile, which costs time and nothing else.
  Cell* here() { return lines_.get() + (static_cast<unsigned>(sched_getcpu()) & shard_mask_) * stride_; }

  struct Free {
    void operator()(Cell* cells) const;
  };

  std::size_t stride_;  // cells from one copy to the next
  unsigned shard_mask_;
  std::unique_ptr<Cell[], Free> lines_;
};

}  // namespace headrace::metrics
