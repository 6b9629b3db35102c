// SPDX-License-Identifier: Apache-2.0
// The block store's wiring: plans become reads from the tier and fetches, slices get what they need.
#include "block/block_store.h"

#include <algorithm>
#include <cstring>

#include "block/activity.h"
#include "block/fan_out.h"
#include "block/fetcher.h"
#include "block/read_plan.h"
#include "block/slice_writer.h"
#include "block/upload.h"

namespace headrace::block {
namespace {

// Jobs of one pool that may wait. Each upload among them holds memory of the budget, and each reader waits for its own.
constexpr std::size_t kQueueMax = 65'536;
// Prefetches at a time: they shall not keep readers from their connections.
constexpr std::uint32_t kPrefetchesMax = 64;

/// Parts of the same block, which stand together in a plan.
std::vector<BlockParts> blocks_of(const ReadPlan& plan) {
  std::vector<BlockParts> blocks;
  for (std::size_t at = 0; at < plan.parts.size();) {
    std::size_t end = at + 1;
    while (end < plan.parts.size() && plan.parts[end].key == plan.parts[at].key) ++end;
    blocks.push_back(BlockParts(plan.parts).subspan(at, end - at));
    at = end;
  }
  return blocks;
}

class RealBlockStore final : public BlockStore {
 public:
  RealBlockStore(object::ObjectStore& store, NodeTier& tier, Budget& budget, Scheduler& scheduler, const Log& log,
                 const BlockStoreOptions& options)
      : store_(store),
        tier_(tier),
        scheduler_(scheduler),
        log_(log),
        options_(options),
        prefetches_max_(std::clamp<std::uint32_t>(options.downloads_max / 2, 1, kPrefetchesMax)),
        pool_(budget, options.layout.block_bytes),
        fetcher_(store, tier, pool_, scheduler, counters_, {options.layout, options.get_timeout, options.cache_blocks}),
        activity_(scheduler),
        downloads_(scheduler, "download", std::max<std::uint32_t>(1, options.downloads_max), kQueueMax),
        uploads_(scheduler, "upload", std::max<std::uint32_t>(1, options.uploads_max), kQueueMax),
        upload_context_{store,
                        tier,
                        scheduler,
                        counters_,
                        uploads_,
                        activity_,
                        options.layout,
                        options.put_timeout,
                        options.cache_blocks,
                        options.cache_large_writes} {}

  ~RealBlockStore() override {
    stop_.request_stop();
    downloads_.close();
    uploads_.close();
  }

  Result<void> read(const Scope& scope, std::span<const Extent> extents, std::uint64_t file_offset,
                    MutableByteSpan into) override;
  Result<void> read_uncached(const Scope& scope, std::span<const Extent> extents, std::uint64_t file_offset,
                             MutableByteSpan into) override;
  void prefetch(std::span<const Extent> extents) override;
  std::unique_ptr<SliceBuffer> new_slice(SliceId slice) override {
    return std::make_unique<SliceWriter>(upload_context_, pool_, fetcher_, slice);
  }
  Result<void> remove_slice(const Scope& scope, SliceId slice, std::uint32_t slice_size) override;
  Result<void> close(const Scope& scope) override;
  BlockStoreStats stats() const override;

 private:
  Result<ReadPlan> plan(std::span<const Extent> extents, std::uint64_t file_offset, MutableByteSpan into) const;
  /// Whether there is room for more.
  bool prefetch_block(const BlockKey& key);

  object::ObjectStore& store_;
  NodeTier& tier_;
  Scheduler& scheduler_;
  const Log& log_;
  const BlockStoreOptions options_;
  const std::uint32_t prefetches_max_;
  BlockCounters counters_;
  BufferPool pool_;
  Fetcher fetcher_;
  Activity activity_;
  std::stop_source stop_;
  std::atomic<std::uint32_t> prefetches_now_{0};
  LazyPool downloads_, uploads_;
  UploadContext upload_context_;
};

Result<ReadPlan> RealBlockStore::plan(std::span<const Extent> extents, std::uint64_t file_offset,
                                      MutableByteSpan into) const {
  Result<ReadPlan> plan = plan_read(options_.layout, extents, file_offset, into.size());
  if (!plan) {
    log_.error("the metadata of a file makes no sense", {{"error", plan.error().text()}});
    return plan;
  }
  for (const ZeroPart& zero : plan->zeros) std::memset(into.data() + zero.into, 0, zero.length);
  return plan;
}

Result<void> RealBlockStore::read(const Scope& scope, std::span<const Extent> extents, std::uint64_t file_offset,
                                  MutableByteSpan into) {
  const Active active(activity_);
  if (!active.has_begun()) return Code::kBadHandle;
  TRY(const ReadPlan wanted, plan(extents, file_offset, into));
  std::vector<BlockParts> missing;
  for (const BlockParts& parts : blocks_of(wanted)) {
    if (!fetcher_.read_from_tier(parts, into)) missing.push_back(parts);
  }
  if (missing.empty()) return {};
  if (missing.size() > 1)
    return fetch_side_by_side({scheduler_, fetcher_, downloads_, activity_}, scope, missing, into);
  ReadTarget target(scheduler_, into);
  return fetcher_.read(scope, missing.front(), target, true);
}

Result<void> RealBlockStore::read_uncached(const Scope& scope, std::span<const Extent> extents,
                                           std::uint64_t file_offset, MutableByteSpan into) {
  const Active active(activity_);
  if (!active.has_begun()) return Code::kBadHandle;
  TRY(const ReadPlan wanted, plan(extents, file_offset, into));
  ReadTarget target(scheduler_, into);
  for (const BlockParts& parts : blocks_of(wanted)) {
    if (fetcher_.read_from_tier(parts, into)) continue;
    if (parts.size() == 1 && parts.front().is_whole()) {
      TRY_OK(fetcher_.read_whole_uncached(scope, parts.front(), target));
    } else {
      TRY_OK(fetcher_.read(scope, parts, target, true));
    }
  }
  return {};
}

bool RealBlockStore::prefetch_block(const BlockKey& key) {
  if (prefetches_now_.fetch_add(1) >= prefetches_max_) {
    --prefetches_now_;
    ++counters_.prefetches_dropped;
    return false;
  }
  bool is_dropped = false;
  Fetcher::FetchPointer fetch = fetcher_.begin_prefetch(key, is_dropped);
  if (fetch == nullptr || !activity_.begin()) {
    if (fetch != nullptr) fetcher_.drop_prefetch(fetch);
    --prefetches_now_;
    if (is_dropped) ++counters_.prefetches_dropped;
    return !is_dropped;
  }
  ++counters_.prefetches;
  const auto end = [this] {
    --prefetches_now_;
    activity_.end();
  };
  const Result<void> submitted = downloads_.try_submit([this, fetch, end]() mutable {
    fetcher_.run_prefetch(Scope{scheduler_.clock().now() + options_.get_timeout, stop_.get_token()}, fetch);
    fetch.reset();
    end();
  });
  if (submitted) return true;
  fetcher_.drop_prefetch(fetch);
  ++counters_.prefetches_dropped;
  end();
  return false;
}

void RealBlockStore::prefetch(std::span<const Extent> extents) {
  bool has_room = true;
  for (const Extent& extent : extents) {
    if (!has_room) return;
    const Result<void> visited = for_each_part(
        options_.layout, extent, [&](const BlockPart& part) { return has_room = prefetch_block(part.key); });
    if (!visited) return;  // who reads there will be told
  }
}

Result<void> RealBlockStore::remove_slice(const Scope& scope, SliceId slice, std::uint32_t slice_size) {
  const Active active(activity_);
  if (!active.has_begun()) return Code::kBadHandle;
  std::vector<std::string> names;
  for (std::uint32_t index = 0; index < block_count(options_.layout, slice_size); ++index) {
    const BlockKey key = block_key(options_.layout, slice, slice_size, index);
    tier_.forget(key);  // its memory serves the next one
    names.push_back(object_name(options_.layout, key));
  }
  return store_.remove(scope, names);
}

Result<void> RealBlockStore::close(const Scope& scope) { return activity_.close(scope); }

BlockStoreStats RealBlockStore::stats() const {
  const BlockCounters& counts = counters_;
  BlockStoreStats stats;
  stats.hits = counts.hits;
  stats.hit_bytes = counts.hit_bytes;
  stats.fetches = counts.fetches;
  stats.fetch_bytes = counts.fetch_bytes;
  stats.fetch_errors = counts.fetch_errors;
  stats.fetches_shared = counts.fetches_shared;
  stats.prefetches = counts.prefetches;
  stats.prefetches_dropped = counts.prefetches_dropped;
  stats.uploads = counts.uploads;
  stats.upload_bytes = counts.upload_bytes;
  stats.upload_errors = counts.upload_errors;
  stats.downloads_now = counts.downloads_now;
  stats.uploads_now = counts.uploads_now;
  stats.buffer_bytes_now = pool_.used_bytes();
  return stats;
}

}  // namespace

std::unique_ptr<BlockStore> new_block_store(object::ObjectStore& store, NodeTier& tier, Budget& budget,
                                            Scheduler& scheduler, const Log& log, const BlockStoreOptions& options) {
  return std::make_unique<RealBlockStore>(store, tier, budget, scheduler, log, options);
}

}  // namespace headrace::block
