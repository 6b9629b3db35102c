// SPDX-License-Identifier: Apache-2.0
// A block: an object that holds up to `block_bytes` of one slice, cut from the slice's own start. Immutable, so that a
// copy of it is never wrong, only forgotten. How blocks are named in the bucket: juicefs-volume-format, section 5.1.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/scope.h"
#include "base/types.h"

namespace headrace::block {

/// How a volume cuts and names blocks. From its `setting` document.
struct Layout {
  std::uint32_t block_bytes = 4u << 20;
  bool hash_prefix = false;
};

struct BlockKey {
  SliceId slice;
  std::uint32_t index = 0;
  std::uint32_t size = 0;  // of this block, in bytes
  friend auto operator<=>(const BlockKey&, const BlockKey&) = default;
};

/// The number of blocks of a slice of `slice_size` bytes.
std::uint32_t block_count(const Layout& layout, std::uint32_t slice_size);
/// Block `index` of a slice: the last one is short.
BlockKey block_key(const Layout& layout, SliceId slice, std::uint32_t slice_size, std::uint32_t index);
/// "chunks/0/1/1000_0_5", or with hash prefix "chunks/E8/0/1000_0_5"; without the volume's name.
std::string object_name(const Layout& layout, const BlockKey& key);
/// The reverse; kInvalid for what is no block's name.
Result<BlockKey> parse_object_name(const Layout& layout, std::string_view name);

/// A place bytes of blocks may be found: "here it is", or kNotFound: ask the next tier. kDamaged only when no tier has
/// a copy that checks. Thread-safe.
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  /// Bytes [offset, offset + into.size()) of the block, all of them, checked; must lie within it.
  virtual Result<void> read(const Scope& scope, const BlockKey& key, std::uint32_t offset, MutableByteSpan into) = 0;
};

}  // namespace headrace::block

template <>
struct std::hash<headrace::block::BlockKey> {
  std::size_t operator()(const headrace::block::BlockKey& key) const noexcept {
    return std::hash<headrace::SliceId>()(key.slice) ^ (key.index * 0x9E3779B1u) ^ (std::size_t{key.size} << 32);
  }
};
