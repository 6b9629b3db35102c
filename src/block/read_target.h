// SPDX-License-Identifier: Apache-2.0
// A reader's memory while others bring bytes to it. A reader may give up and leave at any time: after that nobody
// touches its memory, however late a fetch ends.
#pragma once

#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "base/event.h"
#include "base/mutex.h"

namespace headrace::block {

/// Thread-safe; shared by the reader and those who work for it.
class ReadTarget {
 public:
  ReadTarget(Scheduler& scheduler, MutableByteSpan into) : into_(into), changed_(scheduler.new_event()) {}

  /// Copies to [at, at + bytes.size()), unless the reader has left.
  void copy(std::uint64_t at, ByteSpan bytes) {
    {
      MutexLock lock(mutex_);
      if (has_left_) return;
      ++copying_;
    }
    if (!bytes.empty()) std::memcpy(into_.data() + at, bytes.data(), bytes.size());
    MutexLock lock(mutex_);
    if (--copying_ == 0 && has_left_) changed_->notify_all();
  }

  /// By the reader: the memory is its own again when this returns. Waits for copies under way, which take no I/O.
  void leave() {
    MutexLock lock(mutex_);
    has_left_ = true;
    while (!changed_->wait(Scope{}, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return copying_ == 0; })) {
    }
  }

  bool has_left() const {
    MutexLock lock(mutex_);
    return has_left_;
  }

  /// The memory itself. For the reader's own thread alone, before leave().
  MutableByteSpan own() { return into_; }

 private:
  const MutableByteSpan into_;
  mutable Mutex mutex_;
  bool has_left_ GUARDED_BY(mutex_) = false;
  int copying_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Event> changed_;
};

}  // namespace headrace::block
