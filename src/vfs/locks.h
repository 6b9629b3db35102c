// SPDX-License-Identifier: Apache-2.0
// Waiting for locks without holding a thread: a request that finds its lock taken is parked, and tried again when a
// lock of that file is given back here, or now and then when another mount may have given one back.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <set>

#include "vfs/context.h"

namespace headrace::vfs {

/// Thread-safe.
class Locks {
 public:
  struct Ask {
    Ino ino;
    LockOwner owner;
    meta::LockRequest request;
    bool is_flock = false;
    bool wait = false;
    std::uint64_t token = 0;
  };
  using Done = std::function<void(Result<void>)>;

  explicit Locks(const Context& context) : context_(context) {}

  /// Takes, waits for, or gives back a lock; `done` is called exactly once. kWouldBlock without `wait`; kNoMemory: too
  /// many wait.
  void lock(const Scope& scope, const Ask& ask, Done done);
  Result<meta::LockRequest> get(const Scope& scope, const Ask& ask);
  /// Ends a parked request with kInterrupted; one that is not parked (any more) is left alone.
  void cancel(std::uint64_t token);
  /// Gives back all POSIX locks of an owner (close), or its flock (release). No metadata access if it has none.
  void drop_posix(const Scope& scope, Ino ino, LockOwner owner);
  void drop_flock(const Scope& scope, Ino ino, LockOwner owner);
  /// A lock that this session held already when this process came to it.
  void adopt(const meta::HeldLock& lock);
  /// Tries every parked request again: other mounts give back their locks without a word.
  void retry_all(const Scope& scope);
  bool has_parked() const;
  /// Ends all parked requests with kInterrupted. New ones are refused from then on.
  void close();

 private:
  struct Parked {
    Ask ask;
    Done done;
  };
  using Holder = std::pair<Ino, LockOwner>;

  Result<void> attempt(const Scope& scope, const Ask& ask);
  void note(const Ask& ask) EXCLUDES(mutex_);
  void retry(const Scope& scope, Ino ino) EXCLUDES(mutex_);

  const Context& context_;
  mutable Mutex mutex_;
  std::map<Ino, std::list<Parked>> parked_ GUARDED_BY(mutex_);
  std::size_t parked_count_ GUARDED_BY(mutex_) = 0;
  std::set<Holder> posix_holders_ GUARDED_BY(mutex_);
  std::set<Holder> flock_holders_ GUARDED_BY(mutex_);
  std::set<std::uint64_t> cancelled_early_ GUARDED_BY(mutex_);  // interrupts of requests that are being tried right now
  std::set<std::uint64_t> trying_ GUARDED_BY(mutex_);
  bool is_closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace headrace::vfs
