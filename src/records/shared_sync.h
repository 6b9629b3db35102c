// SPDX-License-Identifier: Apache-2.0
// One wait for the disk at a time, shared by all who need it: who comes while one runs shares the next, because the
// running one may have begun before what he wants to be safe was written.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/event.h"
#include "records/observer.h"

namespace headrace::records {

/// Thread-safe.
class SharedSync {
 public:
  /// `force` makes durable all that was written before it was called; calls never overlap. `observer` may be nullptr.
  SharedSync(Scheduler& scheduler, std::function<Result<void>()> force, EngineObserver* observer);

  /// Names the syncs that cover all that has been written until now.
  std::uint64_t ticket() const;
  /// Waits for a sync that the ticket names. kTimedOut, kInterrupted: the scope ended. After one sync has failed, this
  /// and every later answer is that failure: the kernel may have dropped what it could not write.
  Result<void> wait(const Scope& scope, std::uint64_t ticket);
  /// Whether a sync has failed.
  bool has_failed() const;

 private:
  void run_one() REQUIRES(mutex_);

  Scheduler& scheduler_;
  const std::function<Result<void>()> force_;
  EngineObserver* const observer_;

  mutable Mutex mutex_;
  std::uint64_t begun_ GUARDED_BY(mutex_) = 0;  // the number of the last sync that began
  std::uint64_t done_ GUARDED_BY(mutex_) = 0;
  bool is_running_ GUARDED_BY(mutex_) = false;
  Result<void> failure_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> ended_;
};

}  // namespace headrace::records
