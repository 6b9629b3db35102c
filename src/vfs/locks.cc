// SPDX-License-Identifier: Apache-2.0
// The parked list.
#include "vfs/locks.h"

#include <fcntl.h>

#include <vector>

namespace headrace::vfs {
namespace {

constexpr std::size_t kParkedMax = 4096;

bool is_unlock(const Locks::Ask& ask) { return ask.request.type == F_UNLCK; }

/// Whether whoever waits goes on waiting: the lock is taken still, or the metadata could not be asked this time.
bool may_come_yet(Code code) {
  return code == Code::kWouldBlock || code == Code::kTimedOut || code == Code::kTransient;
}

}  // namespace

Result<void> Locks::attempt(const Scope& scope, const Ask& ask) {
  if (ask.is_flock) return context_.volume.flock(scope, ask.ino, ask.owner, ask.request.type);
  return context_.volume.setlk(scope, ask.ino, ask.owner, ask.request);
}

void Locks::note(const Ask& ask) {
  if (is_unlock(ask)) return;  // what is left of the owner's ranges is not known here: it stays noted until close
  MutexLock lock(mutex_);
  (ask.is_flock ? flock_holders_ : posix_holders_).insert({ask.ino, ask.owner});
}

void Locks::lock(const Scope& scope, const Ask& ask, Done done) {
  {
    MutexLock lock(mutex_);
    if (is_closed_) {
      lock.unlock();
      done(Code::kInterrupted);
      return;
    }
    trying_.insert(ask.token);
  }
  note(ask);  // before it is taken: a close that runs beside us must not overlook it
  Result<void> got = attempt(scope, ask);
  const bool must_park = !got && got.code() == Code::kWouldBlock && ask.wait;
  if (must_park) {
    MutexLock lock(mutex_);
    const bool was_cancelled = cancelled_early_.erase(ask.token) != 0;
    trying_.erase(ask.token);
    if (was_cancelled || is_closed_) {
      got = Code::kInterrupted;
    } else if (parked_count_ >= kParkedMax) {
      got = Error(Code::kNoMemory, "too many requests wait for locks");
    } else {
      parked_[ask.ino].push_back({ask, std::move(done)});
      ++parked_count_;
      lock.unlock();
      // The holder may have given the lock back between our try and our parking.
      retry(scope, ask.ino);
      return;
    }
  } else {
    MutexLock lock(mutex_);
    trying_.erase(ask.token);
    cancelled_early_.erase(ask.token);
  }
  const bool may_free_others = got && (is_unlock(ask) || ask.request.type == F_RDLCK);
  done(std::move(got));
  if (may_free_others) retry(scope, ask.ino);
}

Result<meta::LockRequest> Locks::get(const Scope& scope, const Ask& ask) {
  return context_.volume.getlk(scope, ask.ino, ask.owner, ask.request);
}

void Locks::retry(const Scope& scope, Ino ino) {
  std::list<Parked> waiting;
  {
    MutexLock lock(mutex_);
    const auto found = parked_.find(ino);
    if (found == parked_.end()) return;
    waiting = std::move(found->second);
    parked_.erase(found);
    for (const Parked& parked : waiting) trying_.insert(parked.ask.token);
  }
  for (auto at = waiting.begin(); at != waiting.end();) {
    const auto next = std::next(at);
    Result<void> got = attempt(scope.without_stop(), at->ask);
    MutexLock lock(mutex_);
    trying_.erase(at->ask.token);
    const bool was_cancelled = cancelled_early_.erase(at->ask.token) != 0;
    const bool is_undecided = !got && may_come_yet(got.code());
    if (is_undecided && !was_cancelled && !is_closed_) {
      auto& list = parked_[ino];
      list.splice(list.end(), waiting, at);
    } else {
      --parked_count_;
      Parked parked = std::move(*at);
      lock.unlock();
      if (is_undecided) got = Code::kInterrupted;
      parked.done(std::move(got));
    }
    at = next;
  }
}

void Locks::retry_all(const Scope& scope) {
  std::vector<Ino> inodes;
  {
    MutexLock lock(mutex_);
    for (const auto& [ino, list] : parked_) inodes.push_back(ino);
  }
  for (const Ino ino : inodes) retry(scope, ino);
}

bool Locks::has_parked() const {
  MutexLock lock(mutex_);
  return parked_count_ != 0;
}

void Locks::cancel(std::uint64_t token) {
  Done done;
  {
    MutexLock lock(mutex_);
    if (trying_.contains(token)) {
      cancelled_early_.insert(token);
      return;
    }
    for (auto file = parked_.begin(); file != parked_.end() && !done; ++file) {
      for (auto at = file->second.begin(); at != file->second.end(); ++at) {
        if (at->ask.token != token) continue;
        done = std::move(at->done);
        file->second.erase(at);
        --parked_count_;
        break;
      }
      if (done && file->second.empty()) {
        parked_.erase(file);
        break;
      }
    }
  }
  if (done) done(Code::kInterrupted);
}

void Locks::adopt(const meta::HeldLock& held) {
  MutexLock lock(mutex_);
  (held.is_flock ? flock_holders_ : posix_holders_).insert({held.ino, held.owner});
}

void Locks::drop_posix(const Scope& scope, Ino ino, LockOwner owner) {
  {
    MutexLock lock(mutex_);
    if (posix_holders_.erase({ino, owner}) == 0) return;
  }
  const meta::LockRequest all{F_UNLCK, 0, 0, 0x7FFFFFFFFFFFFFFFull};
  if (Result<void> dropped = context_.volume.setlk(scope, ino, owner, all); !dropped) {
    context_.log.warn("a POSIX lock could not be given back",
                      {{"ino", std::to_string(ino.value())}, {"err", dropped.error().text()}});
  }
  retry(scope, ino);
}

void Locks::drop_flock(const Scope& scope, Ino ino, LockOwner owner) {
  {
    MutexLock lock(mutex_);
    if (flock_holders_.erase({ino, owner}) == 0) return;
  }
  if (Result<void> dropped = context_.volume.flock(scope, ino, owner, F_UNLCK); !dropped) {
    context_.log.warn("a flock could not be given back",
                      {{"ino", std::to_string(ino.value())}, {"err", dropped.error().text()}});
  }
  retry(scope, ino);
}

void Locks::close() {
  std::vector<Done> waiting;
  {
    MutexLock lock(mutex_);
    is_closed_ = true;
    for (auto& [ino, list] : parked_) {
      for (Parked& parked : list) waiting.push_back(std::move(parked.done));
    }
    parked_.clear();
    parked_count_ = 0;
  }
  for (Done& done : waiting) done(Code::kInterrupted);
}

}  // namespace headrace::vfs
