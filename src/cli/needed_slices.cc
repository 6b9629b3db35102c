// SPDX-License-Identifier: Apache-2.0
#include "cli/needed_slices.h"

#include <algorithm>

#include "base/check.h"

namespace headrace::cli {

void NeededSlices::add(SliceId slice, std::uint32_t size) {
  CHECK(ids_.empty() || ids_.back() <= slice.value());
  ids_.push_back(slice.value());
  sizes_.push_back(size);
}

std::optional<std::uint32_t> NeededSlices::size_of(SliceId slice) const {
  const auto found = std::ranges::lower_bound(ids_, slice.value());
  if (found == ids_.end() || *found != slice.value()) return std::nullopt;
  return sizes_[static_cast<std::size_t>(found - ids_.begin())];
}

bool NeededSlices::needs(const block::Layout& layout, const block::BlockKey& key) const {
  const std::optional<std::uint32_t> size = size_of(key.slice);
  if (!size || key.index >= block::block_count(layout, *size)) return false;
  return block::block_key(layout, key.slice, *size, key.index) == key;
}

}  // namespace headrace::cli
