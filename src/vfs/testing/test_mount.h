// SPDX-License-Identifier: Apache-2.0
// What the parts of a mount stand on, in a test: a volume in memory, fake block storage, a real node tier.
#pragma once

#include <memory>

#include "meta/testing/test_volume.h"
#include "vfs/context.h"
#include "vfs/testing/fake_blocks.h"

namespace headrace::vfs::testing {

struct TestMount {
  /// `tier_bytes`: how much the node's tier may hold; 0: nothing, always.
  explicit TestMount(std::uint64_t tier_bytes = 0) : owned_tier(new_tier(volume.log(), tier_bytes)) {}

  /// An empty file in the root.
  Ino new_file(std::string_view name) { return volume.make_file(kRootIno, name); }

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
