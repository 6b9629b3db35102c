// SPDX-License-Identifier: Apache-2.0
// What an engine tells those who count. Given in OpenOptions; this room does not know what becomes of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace headrace::records {

/// Called from the engine's threads, several at a time, with no lock held: implementations are thread-safe and quick,
/// and do not call the engine. Outlives the engine.
class EngineObserver {
 public:
  virtual ~EngineObserver() = default;
  /// One commit was made, of so many operations that wrote something; from the begin of its transaction to its end.
  virtual void on_commit(std::size_t operations, Duration took) = 0;
  /// One wait for the disk, on behalf of all who waited.
  virtual void on_sync(Duration took) = 0;
  /// Operations that are run again from their start, because their commit was refused.
  virtual void on_restart(std::size_t operations) = 0;
  /// Another client held the engine's write lock for so long.
  virtual void on_busy(Duration waited) = 0;
  /// The log of writes was brought into the database: its pages, and how many of them are in now.
  virtual void on_checkpoint(std::uint64_t log_pages, std::uint64_t copied_pages, Duration took) = 0;
};

}  // namespace headrace::records
