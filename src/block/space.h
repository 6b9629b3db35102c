// SPDX-License-Identifier: Apache-2.0
// How many bytes the node's tier may hold, and holds. What is counted is what the kernel has allocated or may allocate:
// whole pages and slabs, not lengths.
#pragma once

#include <atomic>
#include <cstdint>

namespace headrace::block {

/// Thread-safe, without locks.
class Space {
 public:
  explicit Space(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Takes the bytes if all of them are there.
  bool try_take(std::uint64_t bytes) {
    std::uint64_t used = used_.load();
    do {
      if (bytes > bytes_max_ || used > bytes_max_ - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    return true;
  }
  void give_back(std::uint64_t bytes) { used_ -= bytes; }

  std::uint64_t used_bytes() const { return used_; }
  std::uint64_t bytes_max() const { return bytes_max_; }

  /// Bytes of files that are out of the index and still referenced. Part of what is used.
  std::atomic<std::uint64_t> forgotten_bytes{0};

 private:
  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace headrace::block
