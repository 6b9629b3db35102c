// SPDX-License-Identifier: Apache-2.0
// What the parts of a mount stand on, in a test: a volume in memory, fake block storage, no node tier.
#pragma once

#include <map>
#include <memory>

#include "meta/testing/test_volume.h"
#include "vfs/context.h"
#include "vfs/testing/fake_blocks.h"

namespace headrace::vfs::testing {

/// Holds nothing, always.
class NoTier final : public block::NodeTier {
 public:
  std::shared_ptr<block::NodeFile> find(const block::CopyKey&) override { return nullptr; }
  Result<std::shared_ptr<block::NodeFile>> find_or_create(const block::CopyKey&) override { return Code::kNoSpace; }
  void forget(const block::CopyKey&) override {}
  Result<void> read_block(const block::BlockKey&, std::uint32_t, MutableByteSpan) override { return Code::kNotFound; }
  void put_block(const block::BlockKey&, ByteSpan) override {}
  std::uint64_t shrink(std::uint64_t) override { return 0; }
  block::NodeTierStats stats() const override { return {}; }
};

struct TestMount {
  meta::testing::TestVolume volume{"memory"};
  FakeBlocks blocks{volume.scheduler()};
  NoTier tier;
  Budget budget{volume.scheduler(), 64u << 20};
  FileSystemOptions options;
  Context context{*volume, blocks, tier, budget, volume.scheduler(), volume.log(), options, {}};

  /// An empty file in the root.
  Ino new_file(std::string_view name) { return volume.make_file(kRootIno, name); }
};

inline std::string text_of(MutableByteSpan bytes) { return std::string(text_view(bytes)); }

}  // namespace headrace::vfs::testing
