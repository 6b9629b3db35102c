// SPDX-License-Identifier: Apache-2.0
// Numbers handed out from batches that are taken from the counters "nextInode" and "nextChunk", as every client of a
// volume does (juicefs-volume-format, section 3.7): two clients never share a batch, and what a client leaves behind is
// lost.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/event.h"
#include "records/txn.h"

namespace headrace::records {

inline constexpr std::uint64_t kInodeBatch = 1024, kSliceBatch = 4096;

/// Thread-safe. The engine's reserve() in terms of its run().
class IdPool {
 public:
  IdPool(Scheduler& scheduler, RecordEngine& engine);

  /// `count` numbers in a row. A batch is durable before its first number is given away. One caller fetches, the others
  /// wait for it.
  Result<IdRange> take(const Scope& scope, IdKind kind, std::uint64_t count);

 private:
  struct Hand {
    IdRange left;
    bool is_fetching = false;
  };
  Result<IdRange> fetch(const Scope& scope, IdKind kind, std::uint64_t count);

  RecordEngine& engine_;
  Mutex mutex_;
  std::array<Hand, 2> hands_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> fetched_;
};

}  // namespace headrace::records
