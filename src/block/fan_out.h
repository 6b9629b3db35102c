// SPDX-License-Identifier: Apache-2.0
// One read of many blocks: jobs that fetch them side by side, and the reader who waits for all, or leaves at the first
// failure.
#pragma once

#include <memory>
#include <vector>

#include "base/event.h"
#include "block/activity.h"
#include "block/fetcher.h"
#include "block/lazy_pool.h"

namespace headrace::block {

/// The parts of one block.
using BlockParts = std::span<const BlockPart>;

/// What it takes. All of it outlives the jobs.
struct FanOutContext {
  Scheduler& scheduler;
  Fetcher& fetcher;
  LazyPool& pool;
  Activity& activity;  // each job is one; the reader is one already
};

/// Fetches blocks that are not in the tier: the first on the calling thread, the others on the pool's as far as it
/// takes them. Nobody touches `into` any more when this returns. The first error of any block.
Result<void> fetch_side_by_side(const FanOutContext& context, const Scope& scope, const std::vector<BlockParts>& blocks,
                                MutableByteSpan into);

}  // namespace headrace::block
