// SPDX-License-Identifier: Apache-2.0
// Waiting for locks that other clients of the same database hold. SQLite can only ask again.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>

#include "base/event.h"
#include "base/function_ref.h"
#include "base/rng.h"
#include "records/observer.h"

namespace headrace::records {

/// Calls `attempt` until it answers something else than kBusy, with pauses that grow from a tenth of a millisecond to
/// ten, jittered. kTimedOut, kInterrupted: the scope ended first. `observer` (may be nullptr) learns how long it took,
/// when it was busy at all. Thread-safe.
Result<void> retry_while_busy(Scheduler& scheduler, const Scope& scope, Rng& rng, EngineObserver* observer,
                              FunctionRef<Result<void>()> attempt);

/// A turn that one holder has at a time, first come first served: for what one thread after the other uses across its
/// I/O. Thread-safe.
class Turn {
 public:
  explicit Turn(Scheduler& scheduler) : given_(scheduler.new_event()) {}
  Result<void> take(const Scope& scope);
  void give();
  /// How many wait for it.
  std::size_t waiting() const;

 private:
  mutable Mutex mutex_;
  bool is_taken_ GUARDED_BY(mutex_) = false;
  std::uint64_t next_ticket_ GUARDED_BY(mutex_) = 0;
  std::deque<std::uint64_t> waiting_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> given_;
};

}  // namespace headrace::records
