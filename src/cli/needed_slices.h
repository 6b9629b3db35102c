// SPDX-License-Identifier: Apache-2.0
// The slices of a volume whose objects must stay, for telling them from leaked ones. About 12 bytes a slice.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "block/block.h"

namespace headrace::cli {

/// Not thread-safe while it is filled; then it is.
class NeededSlices {
 public:
  /// In the order of ids.
  void add(SliceId slice, std::uint32_t size);
  std::size_t count() const { return ids_.size(); }
  /// The size of a needed slice.
  std::optional<std::uint32_t> size_of(SliceId slice) const;
  /// Whether a block belongs to a needed slice: index and size fit it.
  bool needs(const block::Layout& layout, const block::BlockKey& key) const;

 private:
  std::vector<std::uint64_t> ids_;
  std::vector<std::uint32_t> sizes_;
};

/// Objects younger than this may belong to a slice that is being written: its reference comes after its objects
/// (juicefs-volume-format, section 5.7).
inline constexpr std::int64_t kLeakAgeSeconds = 3600;

}  // namespace headrace::cli
