// SPDX-License-Identifier: Apache-2.0
// Checksums: CRC-32C where a format asks for it (objects, cache files), XXH3 for what stays in this process's tiers.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace headrace {

/// CRC-32C (Castagnoli, reflected): "123456789" gives 0xE3069283. `seed` continues an earlier one. SSE4.2 where there
/// is one.
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t seed = 0);

/// XXH3, 64 bits.
std::uint64_t xxh3(ByteSpan bytes);

}  // namespace headrace
