// SPDX-License-Identifier: Apache-2.0
// RFC 4122, version 4: 122 random bits.
#include "base/uuid.h"

#include <fmt/format.h>

namespace headrace {

std::string new_uuid(Rng& rng) {
  const std::uint64_t high = (rng.next() & ~0xF000ull) | 0x4000ull;                         // version 4
  const std::uint64_t low = (rng.next() & ~0xC000000000000000ull) | 0x8000000000000000ull;  // variant 10
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF, low >> 48,
                     low & 0xFFFFFFFFFFFFull);
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return false;
    } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
      return false;
    }
  }
  return true;
}

}  // namespace headrace
