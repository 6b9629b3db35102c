// SPDX-License-Identifier: Apache-2.0
// Batches of numbers.
#include "records/id_pool.h"

#include <algorithm>

#include "base/check.h"

namespace headrace::records {
namespace {

struct Kind {
  const char* counter;
  std::int64_t first;  // of a new volume; 1 is the root inode, slice 0 is a hole
  std::uint64_t batch;
};

Kind kind_of(IdKind kind) {
  return kind == IdKind::kInode ? Kind{"nextInode", 2, kInodeBatch} : Kind{"nextChunk", 1, kSliceBatch};
}

}  // namespace

IdPool::IdPool(Scheduler& scheduler, RecordEngine& engine) : engine_(engine), fetched_(scheduler.new_event()) {}

Result<IdRange> IdPool::take(const Scope& scope, IdKind kind, std::uint64_t count) {
  CHECK(count > 0);
  MutexLock lock(mutex_);
  Hand& hand = hands_[static_cast<std::size_t>(kind)];
  TRY_OK(fetched_->wait(scope, mutex_, [&hand] { return !hand.is_fetching; }));
  if (hand.left.count < count) {
    hand.is_fetching = true;
    lock.unlock();
    const Result<IdRange> batch = fetch(scope, kind, count);
    lock.lock();
    hand.is_fetching = false;
    fetched_->notify_all();
    if (!batch) return batch.error();
    if (batch->count > count || hand.left.count == 0)
      hand.left = *batch;
    else
      return *batch;  // an odd large wish: the batch in hand stays
  }
  const IdRange taken{hand.left.first, count};
  hand.left.first += count;
  hand.left.count -= count;
  return taken;
}

Result<IdRange> IdPool::fetch(const Scope& scope, IdKind kind, std::uint64_t count) {
  const Kind facts = kind_of(kind);
  const std::uint64_t size = std::max(facts.batch, count);
  const CounterKey key{facts.counter};
  return engine_.run(scope, Commit::kDurable, {Key(key)}, [&](RecordTxn& txn) -> Result<IdRange> {
    TRY(const std::optional<std::int64_t> next, get(txn, key));
    const std::int64_t first = std::max(next.value_or(0), facts.first);
    put(txn, key, first + static_cast<std::int64_t>(size));
    return IdRange{static_cast<std::uint64_t>(first), size};
  });
}

}  // namespace headrace::records
