// SPDX-License-Identifier: Apache-2.0
// Brings a block's bytes from the first place that has them: the node's tier, a fetch that is already under way, the
// object store. Many readers of one block cause one fetch. A fetch owns its buffer until the I/O has truly ended;
// readers copy from it and may leave at any time.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <unordered_map>

#include "base/event.h"
#include "base/mutex.h"
#include "block/block.h"
#include "block/block_counters.h"
#include "block/buffer_pool.h"
#include "block/node_tier.h"
#include "block/read_plan.h"
#include "block/read_target.h"
#include "object/object_store.h"

namespace headrace::block {

struct FetcherOptions {
  Layout layout;
  Duration get_timeout = std::chrono::seconds(60);
  bool cache_blocks = true;
};

/// Whether a block of `size` bytes, of which `wanted` are wanted now, is fetched whole. Pure. `is_kept`: it will be in
/// the tier afterwards; `is_wanted_again`: some of it was wanted a short while ago.
bool is_fetched_whole(std::uint32_t size, std::uint64_t wanted, bool is_kept, bool is_wanted_again);

/// Which blocks were wanted lately, as far as a small table remembers. Thread-safe; says yes wrongly about once in 2^48
/// times.
class RecentBlocks {
 public:
  /// Remembers the block; whether it was remembered already.
  bool touch(const BlockKey& key);

 private:
  std::array<std::atomic<std::uint64_t>, 4096> seen_{};
};

/// Thread-safe. Everything it is given outlives it.
class Fetcher {
 public:
  /// A fetch under way, or done.
  class Fetch;
  using FetchPointer = std::shared_ptr<Fetch>;

  Fetcher(object::ObjectStore& store, NodeTier& tier, BufferPool& pool, Scheduler& scheduler, BlockCounters& counters,
          const FetcherOptions& options);

  /// Parts of one block from the node's tier into the reader's memory; false when not all of them are there.
  bool read_from_tier(std::span<const BlockPart> parts, MutableByteSpan into);
  /// Parts of one block, from wherever they are but the tier. `is_own_thread`: this is the reader's thread, so that a
  /// range may come straight into its memory. kNotFound: the bucket does not have the block. kDamaged: what it has is
  /// not this block.
  Result<void> read(const Scope& scope, std::span<const BlockPart> parts, ReadTarget& target, bool is_own_thread);
  /// A whole block straight into the reader's memory, on the reader's thread, not kept; joins a fetch that is under
  /// way.
  Result<void> read_whole_uncached(const Scope& scope, const BlockPart& part, ReadTarget& target);

  /// The beginning of a fetch ahead of use: it stands in the table with its buffer, and whoever wants the block before
  /// run_prefetch() takes it over. Nothing: the block is here, or on its way, or there is no memory (then
  /// `is_dropped`).
  FetchPointer begin_prefetch(const BlockKey& key, bool& is_dropped);
  void run_prefetch(const Scope& scope, const FetchPointer& fetch);
  /// Gives up a prefetch that did not run.
  void drop_prefetch(const FetchPointer& fetch);

 private:
  Result<void> read_range(const Scope& scope, std::span<const BlockPart> parts, ReadTarget& target, bool is_own_thread);
  Result<void> get(const Scope& scope, const BlockKey& key, std::uint32_t offset, MutableByteSpan into);
  void lead(const Scope& scope, const FetchPointer& fetch);
  void settle(Fetch& fetch, Result<void> result, bool has_leader_left);
  void take_out(const Fetch& fetch);
  bool keeps_blocks() const { return keeps_blocks_; }

  object::ObjectStore& store_;
  NodeTier& tier_;
  BufferPool& pool_;
  Scheduler& scheduler_;
  BlockCounters& counters_;
  const FetcherOptions options_;
  const bool keeps_blocks_;
  RecentBlocks recent_;
  Mutex mutex_;
  std::unordered_map<BlockKey, FetchPointer> fetches_ GUARDED_BY(mutex_);
};

}  // namespace headrace::block
