// SPDX-License-Identifier: Apache-2.0
// Cutting slices into blocks, and the names of blocks.
#include "block/block.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/check.h"

namespace headrace::block {
namespace {

/// A decimal number as the names have it; how it is spelled is checked by writing the whole name again.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<BlockKey> parse_last_component(std::string_view name) {
  const std::size_t first = name.find('_');
  const std::size_t second = name.find('_', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto slice = parse_number<std::uint64_t>(name.substr(0, first));
  const auto index = parse_number<std::uint32_t>(name.substr(first + 1, second - first - 1));
  const auto size = parse_number<std::uint32_t>(name.substr(second + 1));
  if (!slice || !index || !size) return std::nullopt;
  return BlockKey{SliceId{*slice}, *index, *size};
}

bool is_possible(const Layout& layout, const BlockKey& key) {
  if (key.slice == SliceId{0} || key.size == 0 || key.size > layout.block_bytes) return false;
  const std::uint64_t end = std::uint64_t{key.index} * layout.block_bytes + key.size;
  return end <= std::numeric_limits<std::uint32_t>::max();  // a slice's size has 32 bits
}

}  // namespace

std::uint32_t block_count(const Layout& layout, std::uint32_t slice_size) {
  return static_cast<std::uint32_t>((std::uint64_t{slice_size} + layout.block_bytes - 1) / layout.block_bytes);
}

BlockKey block_key(const Layout& layout, SliceId slice, std::uint32_t slice_size, std::uint32_t index) {
  CHECK(index < block_count(layout, slice_size));
  const std::uint64_t start = std::uint64_t{index} * layout.block_bytes;
  return {slice, index, static_cast<std::uint32_t>(std::min<std::uint64_t>(layout.block_bytes, slice_size - start))};
}

std::string object_name(const Layout& layout, const BlockKey& key) {
  const std::uint64_t id = key.slice.value();
  if (layout.hash_prefix)
    return fmt::format("chunks/{:02X}/{}/{}_{}_{}", id % 256, id / 1'000'000, id, key.index, key.size);
  return fmt::format("chunks/{}/{}/{}_{}_{}", id / 1'000'000, id / 1000, id, key.index, key.size);
}

Result<BlockKey> parse_object_name(const Layout& layout, std::string_view name) {
  const std::size_t slash = name.rfind('/');
  const std::optional<BlockKey> key =
      slash == std::string_view::npos ? std::nullopt : parse_last_component(name.substr(slash + 1));
  if (!key || !is_possible(layout, *key) || object_name(layout, *key) != name) {
    return Error(Code::kInvalid, fmt::format("'{}' is not the name of a block", name));
  }
  return *key;
}

}  // namespace headrace::block
