// SPDX-License-Identifier: Apache-2.0
// What makes many bytes, compiled as the product is: test files are not optimized.
#include "block/testing/block_fixture.h"

#include <cstring>

#include "base/rng.h"

namespace headrace::block {

std::string BlockStoreFixture::content(std::uint64_t slice, std::size_t size) {
  std::string bytes(size, '\0');
  Rng rng(slice);
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t word = rng.next();
    std::memcpy(bytes.data() + i, &word, 8);
  }
  return bytes;
}

}  // namespace headrace::block
