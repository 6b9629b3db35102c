// SPDX-License-Identifier: Apache-2.0
// The blocks of one volume: read through the node's tiers, fetched once for many readers, written to the bucket in
// parallel. This is the whole face that the file system sees of bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/budget.h"
#include "base/extent.h"
#include "base/log.h"
#include "block/block.h"
#include "block/node_tier.h"
#include "object/object_store.h"

namespace headrace::block {

/// Bytes of a slice that is being written: a growing buffer of blocks, each reserved in the budget. Uploads start as
/// soon as a block is full. One writer at a time; read(), size() and rewritable_from() may run beside a write(): the
/// buffer has its own lock, never held while a write waits for the budget. A write that fails may have stored a first
/// part: size() says how much.
class SliceBuffer {
 public:
  virtual ~SliceBuffer() = default;
  /// Writes at `offset` of the slice (≤ size(): no gaps). May rewrite only what is not yet in an upload: offset ≥
  /// rewritable_from(). Waits for the budget within the scope; on an error nothing was written. Who holds other slices
  /// that wait for a flush watches Budget::waiting().
  virtual Result<void> write(const Scope& scope, std::uint32_t offset, ByteSpan bytes) = 0;
  /// Copies bytes out; the range must lie within size(). What is no longer in this buffer is read from the node's tier
  /// or the store, as BlockStore::read does; what is from rewritable_from() on is always in memory and cannot fail.
  virtual Result<void> read(const Scope& scope, std::uint32_t offset, MutableByteSpan into) const = 0;
  virtual std::uint32_t size() const = 0;
  /// The first byte that a write may still change: earlier blocks are in the store or on their way.
  virtual std::uint32_t rewritable_from() const = 0;
  /// No more writes. A last block that is not full stays in memory until start_upload() or wait_uploaded(). Idempotent.
  virtual void finish() = 0;
  /// Sends the last block up beside the caller. Returns at once. Only after finish(). Idempotent.
  virtual void start_upload() = 0;
  /// Waits until every block is in the store. The first error of any upload. Only after finish(). A last block that was
  /// not started goes up on this very thread: who closes one small file waits for no other thread.
  virtual Result<void> wait_uploaded(const Scope& scope) = 0;
  /// Removes what was uploaded: the slice will never be committed. Uploads that still run end first, within the scope.
  /// After it only the destructor, or discard() again where it failed.
  virtual Result<void> discard(const Scope& scope) = 0;
};

struct BlockStoreOptions {
  Layout layout;
  std::uint32_t uploads_max = 20;  // at the same time
  std::uint32_t downloads_max = 200;
  Duration get_timeout = std::chrono::seconds(60);
  Duration put_timeout = std::chrono::seconds(60);
  /// Blocks read from the bucket are kept in the node's block tier, and the short blocks of what is written: small
  /// files.
  bool cache_blocks = true;
  /// Full blocks of what is written are kept too.
  bool cache_large_writes = false;
};

/// Counted since the start, but what is "now".
struct BlockStoreStats {
  std::uint64_t hits = 0, hit_bytes = 0;       // blocks, or parts of them, answered by the node's tier
  std::uint64_t fetches = 0, fetch_bytes = 0;  // from the object store: requests that succeeded, and their bytes
  std::uint64_t fetch_errors = 0;
  std::uint64_t fetches_shared = 0;      // readers that found their block already on its way
  std::uint64_t prefetches = 0;          // blocks asked for ahead of use
  std::uint64_t prefetches_dropped = 0;  // for want of memory, or because too many were under way
  std::uint64_t uploads = 0, upload_bytes = 0, upload_errors = 0;
  std::uint64_t downloads_now = 0, uploads_now = 0, buffer_bytes_now = 0;
};

/// Thread-safe. kNotFound: the metadata names a block that the bucket does not have. kBadHandle: closed.
class BlockStore {
 public:
  virtual ~BlockStore() = default;
  /// Reads file bytes: each extent's bytes to `into` at (extent.offset - `file_offset`); holes become zeros. The
  /// extents cover [file_offset, file_offset + into.size()) entirely. Fetches of different blocks run side by side.
  virtual Result<void> read(const Scope& scope, std::span<const Extent> extents, std::uint64_t file_offset,
                            MutableByteSpan into) = 0;
  /// As read(), for bytes that the caller keeps as a whole copy: blocks do not enter the block tier, and whole ones
  /// come straight into `into`, one after the other on the calling thread. Parallelism is the caller's.
  virtual Result<void> read_uncached(const Scope& scope, std::span<const Extent> extents, std::uint64_t file_offset,
                                     MutableByteSpan into) = 0;
  /// Starts bringing blocks of these extents into the node's block tier, as far as budget and tier allow; returns at
  /// once.
  virtual void prefetch(std::span<const Extent> extents) = 0;
  virtual std::unique_ptr<SliceBuffer> new_slice(SliceId slice) = 0;
  /// Removes all objects of a slice. Idempotent.
  virtual Result<void> remove_slice(const Scope& scope, SliceId slice, std::uint32_t slice_size) = 0;
  /// Waits for all reads, uploads and prefetches, then refuses work (kBadHandle). kTimedOut, kInterrupted: still open.
  /// Idempotent.
  virtual Result<void> close(const Scope& scope) = 0;
  virtual BlockStoreStats stats() const = 0;
};

/// Everything it is given outlives it; slices and reads end before it does.
std::unique_ptr<BlockStore> new_block_store(object::ObjectStore& store, NodeTier& tier, Budget& budget,
                                            Scheduler& scheduler, const Log& log, const BlockStoreOptions& options);

}  // namespace headrace::block
