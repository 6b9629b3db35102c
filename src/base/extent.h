// SPDX-License-Identifier: Apache-2.0
// Where a stretch of a file's bytes is: the meeting point of metadata, which makes extents from chunk lists, and block
// storage, which reads them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.h"

namespace headrace {

/// `length` bytes of a file from `offset` on: `slice_offset` and what follows of slice `slice`, whose full size is
/// `slice_size`; or zeros, if `slice` is 0.
struct Extent {
  std::uint64_t offset = 0;  // in the file
  std::uint64_t length = 0;
  SliceId slice;
  std::uint32_t slice_size = 0;
  std::uint32_t slice_offset = 0;

  bool is_hole() const { return slice == SliceId{0}; }
  std::uint64_t end() const { return offset + length; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// Sorted by offset, without gaps or overlaps.
using ExtentList = std::vector<Extent>;

}  // namespace headrace
