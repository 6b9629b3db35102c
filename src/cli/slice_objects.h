// SPDX-License-Identifier: Apache-2.0
// What a bucket holds of each slice, looked up in the order of slice ids: listed a group of slices at a time, so that a
// volume of any size fits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "block/block.h"
#include "object/object_store.h"

namespace headrace::cli {

/// One object of a slice.
struct SliceObject {
  std::uint32_t index = 0;       // of the block
  std::uint32_t named_size = 0;  // as its name says
  std::uint64_t size = 0;        // as the store says
};

/// Not thread-safe.
class SliceObjects {
 public:
  SliceObjects(object::ObjectStore& objects, block::Layout layout) : objects_(objects), layout_(layout) {}

  /// The objects of a slice, by block index. Ids that ascend cost one listing for each thousand (with hash prefixes:
  /// for each 256th part of a million).
  Result<const std::vector<SliceObject>*> of(const Scope& scope, SliceId slice);

 private:
  std::string folder_of(SliceId slice) const;
  Result<void> load(const Scope& scope, const std::string& folder);

  object::ObjectStore& objects_;
  const block::Layout layout_;
  using BySlice = std::map<std::uint64_t, std::vector<SliceObject>>;
  /// Folders of the group that was asked last.
  std::map<std::string, BySlice> folders_;
  std::uint64_t group_ = 0;
};

/// One way in which a slice's objects are not what they should be.
struct ObjectFault {
  std::string object;    // its name, without the volume's
  std::string sentence;  // "is missing", "has 5 bytes in place of 4194304"
};
/// Compares what should be there with what is. Pure.
std::vector<ObjectFault> compare_objects(const block::Layout& layout, SliceId slice, std::uint32_t slice_size,
                                         const std::vector<SliceObject>& found);

}  // namespace headrace::cli
