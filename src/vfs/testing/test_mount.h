// SPDX-License-Identifier: Apache-2.0
// What the parts of a mount stand on, in a test: a volume in memory, fake block storage, a real node tier.
#pragma once

#include <memory>
#include <vector>

#include "base/check.h"
#include "meta/testing/test_volume.h"
#include "vfs/context.h"
#include "vfs/testing/fake_blocks.h"

namespace headrace::vfs::testing {

struct TestMount {
  /// `tier_bytes`: how much the node's tier may hold; 0: nothing, always.
  explicit TestMount(std::uint64_t tier_bytes = 0) : owned_tier(new_tier(volume.log(), tier_bytes)) {}

  /// An empty file in the root.
  Ino new_file(std::string_view name) { return volume.make_file(kRootIno, name); }

  /// As another client does it: one slice in the place of the list, and no object left that nothing names any more.
  void compact(Ino ino, ChunkIndex chunk) {
    const meta::CompactionPlan plan = **volume->plan_compaction({}, ino, chunk);
    std::vector<std::byte> bytes(plan.size);
    CHECK(blocks.read({}, plan.extents, start_of(chunk) + plan.pos, bytes));
    const SliceId made = *volume->new_slice_id({});
    const std::unique_ptr<block::SliceBuffer> buffer = blocks.new_slice(made);
    CHECK(buffer->write({}, 0, bytes));
    buffer->finish();
    CHECK(buffer->wait_uploaded({}));
    CHECK(volume->commit_compaction({}, plan, made));
    for (const meta::DoomedSlice& slice : *volume->doomed_slices({}, 1000)) {
      CHECK(blocks.remove_slice({}, slice.slice, slice.size));
      CHECK(volume->forget_slice({}, slice));
    }
  }

  meta::testing::TestVolume volume{"memory"};
  FakeBlocks blocks{volume.scheduler()};
  std::unique_ptr<block::NodeTier> owned_tier;
  block::NodeTier& tier = *owned_tier;
  Budget budget{volume.scheduler(), 64u << 20};
  FileSystemOptions options;
  Commits commits;
  Context context{*volume, blocks, tier, budget, volume.scheduler(), volume.log(), options, commits, {}};

 private:
  static std::unique_ptr<block::NodeTier> new_tier(const Log& log, std::uint64_t bytes_max) {
    block::NodeTierOptions tier_options;
    tier_options.bytes_max = bytes_max;
    return block::new_node_tier(log, tier_options);
  }
};

}  // namespace headrace::vfs::testing
