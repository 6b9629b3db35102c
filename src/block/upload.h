// SPDX-License-Identifier: Apache-2.0
// Blocks of one slice on their way to the bucket: what is still in memory, what has gone up, what went wrong first.
// Shared by the writer and the jobs that upload.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/event.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "block/activity.h"
#include "block/block.h"
#include "block/block_counters.h"
#include "block/buffer_pool.h"
#include "block/lazy_pool.h"
#include "block/node_tier.h"
#include "object/object_store.h"

namespace headrace::block {

/// What uploads need of the block store. Outlives them: the pool is closed first.
struct UploadContext {
  object::ObjectStore& store;
  NodeTier& tier;
  Scheduler& scheduler;
  BlockCounters& counters;
  LazyPool& pool;
  Activity& activity;
  Layout layout;
  Duration put_timeout;
  bool keeps_blocks;  // short ones at least
  bool keeps_full_blocks;
};

/// Thread-safe.
class SliceUpload : public std::enable_shared_from_this<SliceUpload> {
 public:
  SliceUpload(UploadContext& context, SliceId slice)
      : context_(context), slice_(slice), changed_(context.scheduler.new_event()) {}

  /// Sends a block up; its index is how many were given before. Returns at once.
  void send(Buffer buffer, std::uint32_t size);
  /// Takes the last block and leaves it where it is, until send_held() or wait().
  void hold(Buffer buffer, std::uint32_t size);
  void send_held();
  /// Sends a held block up on this thread, then waits until nothing is on its way. The first error of any block. When
  /// the scope ends first a held block stays held.
  Result<void> wait(const Scope& scope);
  /// Blocks that have not begun to go up will not; waits for those that have, and removes them.
  Result<void> discard(const Scope& scope);

  /// The buffer of a block that was sent, as long as it is in memory.
  std::shared_ptr<const Buffer> buffer(std::uint32_t index) const;
  /// The block's key: its size is known once it was sent.
  BlockKey key(std::uint32_t index) const;

 private:
  struct Block {
    std::shared_ptr<const Buffer> buffer;
    std::uint32_t size = 0;
    bool has_begun = false;
  };
  std::uint32_t add(Buffer buffer, std::uint32_t size) REQUIRES(mutex_);
  void submit(std::uint32_t index) EXCLUDES(mutex_);
  void run(std::uint32_t index) EXCLUDES(mutex_);
  Result<void> run_here(const Scope& scope, std::uint32_t index) EXCLUDES(mutex_);
  std::shared_ptr<const Buffer> begin(std::uint32_t index) EXCLUDES(mutex_);
  Result<void> put(const Scope& scope, const BlockKey& block, const Buffer& buffer);
  bool keeps(const BlockKey& block) const {
    return context_.keeps_blocks && (context_.keeps_full_blocks || block.size < context_.layout.block_bytes);
  }
  void end(std::uint32_t index, const Result<void>& result, bool was_active = true) EXCLUDES(mutex_);
  Result<void> wait_for_jobs(const Scope& scope) REQUIRES(mutex_);

  UploadContext& context_;
  const SliceId slice_;
  mutable Mutex mutex_;
  std::vector<Block> blocks_ GUARDED_BY(mutex_);
  std::optional<std::uint32_t> held_ GUARDED_BY(mutex_);  // counted in pending_
  std::uint32_t pending_ GUARDED_BY(mutex_) = 0;
  bool is_discarded_ GUARDED_BY(mutex_) = false;
  Result<void> first_error_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> changed_;
};

}  // namespace headrace::block
