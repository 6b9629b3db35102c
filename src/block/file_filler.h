// SPDX-License-Identifier: Apache-2.0
// Brings whole files onto this node: blocks are fetched in parallel, checked by the store, and written unit by unit
// into a copy of the node's tier, which the kernel can serve by itself once it is complete. Warming up and "read now,
// passthrough next time" are both this.
#pragma once

#include <atomic>
#include <memory>
#include <unordered_map>

#include "base/budget.h"
#include "base/event.h"
#include "base/extent.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "block/activity.h"
#include "block/block_store.h"
#include "block/buffer_pool.h"
#include "block/node_tier.h"

namespace headrace::block {

struct FillerOptions {
  std::uint32_t threads = 8;  // for all files together
  std::uint32_t threads_per_file = 8;
  std::uint32_t queue_max = 1024;  // files that wait for a thread
  /// What one thread fetches at a time: a multiple of kFillUnit, best a multiple of the block size, so that blocks come
  /// whole.
  std::uint64_t stretch_bytes = 4u << 20;
};

struct FillerStats {
  std::uint64_t fills = 0, fills_shared = 0, fills_completed = 0, fills_failed = 0, filled_bytes = 0;
  std::uint64_t fills_now = 0;
};

/// One file on its way. Thread-safe. Goes on whether anybody holds it or not; may outlive the filler, and has ended
/// then.
class FileFill {
 public:
  virtual ~FileFill() = default;
  /// Waits for the end: ok when the copy is complete. kNoSpace: the tier cannot hold it (any more). kInterrupted:
  /// cancelled, or this scope was stopped. Otherwise what the bucket said.
  virtual Result<void> wait(const Scope& scope) = 0;
  /// Waits until [offset, offset + length) is in the copy: true. False: it is not, and the fill does not come there
  /// soon, or has ended without it; who wants these bytes fetches them by other means. Errors: only of the scope.
  virtual Result<bool> reach(const Scope& scope, std::uint64_t offset, std::uint64_t length) = 0;
  /// Ends it soon, for all who wait for it. What is there stays in the tier, incomplete, until it is evicted.
  virtual void cancel() = 0;
  virtual const std::shared_ptr<NodeFile>& file() const = 0;
  virtual std::uint64_t bytes_done() const = 0;
  virtual bool has_ended() const = 0;
};

/// Thread-safe. Everything it is given outlives it.
class FileFiller {
 public:
  FileFiller(BlockStore& blocks, NodeTier& tier, Budget& budget, Scheduler& scheduler,
             const FillerOptions& options = {});
  /// Cancels what runs and waits for it.
  ~FileFiller();

  /// Begins to fill, or joins who fills the same copy already. The extents cover [0, key.length). Waits only for a
  /// place in the queue. kNoSpace: the tier has no room for the copy; kBadHandle: closed; kTimedOut, kInterrupted: no
  /// place in time.
  Result<std::shared_ptr<FileFill>> fill(const Scope& scope, const CopyKey& key,
                                         std::shared_ptr<const ExtentList> extents);

  /// Waits for all fills, then refuses. Idempotent.
  Result<void> close(const Scope& scope) { return activity_.close(scope); }
  FillerStats stats() const;

 private:
  class Fill;
  using FillPointer = std::shared_ptr<Fill>;

  Result<FillPointer> find_or_begin(const CopyKey& key, std::shared_ptr<const ExtentList> extents, bool& is_new);
  Result<void> start(const Scope& scope, const FillPointer& fill);
  void work(Fill& fill);
  Result<void> fill_stretch(Fill& fill, std::uint64_t offset);
  void end_job(Fill& fill);

  BlockStore& blocks_;
  NodeTier& tier_;
  const FillerOptions options_;
  Scheduler& scheduler_;
  BufferPool pool_;
  Activity activity_;
  std::atomic<std::uint64_t> fills_{0}, fills_shared_{0}, fills_completed_{0}, fills_failed_{0}, filled_bytes_{0};
  mutable Mutex mutex_;
  std::unordered_map<CopyKey, FillPointer, CopyKeyHash> fills_now_ GUARDED_BY(mutex_);
  ThreadPool threads_;  // ends first
};

}  // namespace headrace::block
