// SPDX-License-Identifier: Apache-2.0
// SQLite's file layer with a fault at the n-th call. While the object lives, connections that are opened use it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace headrace::records {

class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  enum class Fault { kIo, kFull };
  /// The n-th reading, writing, truncating or syncing from now on fails (n from 1), and when `for_ever` all that
  /// follow.
  void fail_at(std::uint64_t n, Fault fault, bool for_ever);
  void fail_nothing();
  /// How often a fault was given.
  std::uint64_t fired() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::records
