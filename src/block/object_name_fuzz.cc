// SPDX-License-Identifier: Apache-2.0
// Any text is a block's name, and then exactly that block's, or it is refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "block/block.h"

using namespace headrace;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  for (const bool hash_prefix : {false, true}) {
    for (const std::uint32_t block_bytes : {64u << 10, 4u << 20, 16u << 20}) {
      const block::Layout layout{block_bytes, hash_prefix};
      const auto key = block::parse_object_name(layout, name);
      if (!key) {
        CHECK(key.code() == Code::kInvalid);
        continue;
      }
      CHECK(key->size > 0 && key->size <= block_bytes && key->slice != SliceId{0});
      CHECK(block::object_name(layout, *key) == name);
    }
  }
  return 0;
}
