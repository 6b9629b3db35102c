// SPDX-License-Identifier: Apache-2.0
// CRC-32C by table and by instruction, XXH3 by library.
#include "base/checksum.h"

#include <array>

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace headrace {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

std::uint32_t crc_by_table(const unsigned char* data, std::size_t size, std::uint32_t crc) {
  for (std::size_t i = 0; i < size; ++i) crc = kTable[(crc ^ data[i]) & 0xFF] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)

/// A linear map over GF(2) on CRC registers, as four tables: appending a fixed number of zero bytes.
struct ZeroShift {
  std::array<std::array<std::uint32_t, 256>, 4> tables{};

  explicit ZeroShift(std::size_t zero_bytes) {
    for (unsigned bit = 0; bit < 32; ++bit) {
      std::uint32_t crc = 1u << bit;
      for (std::size_t i = 0; i < zero_bytes; ++i) crc = kTable[crc & 0xFF] ^ (crc >> 8);
      // What a value maps to is the sum of what its bits map to: each bit doubles the part of the table that is known.
      std::array<std::uint32_t, 256>& table = tables[bit / 8];
      const std::uint32_t known = 1u << (bit % 8);
      for (std::uint32_t value = 0; value < known; ++value) table[known + value] = table[value] ^ crc;
    }
  }
  std::uint32_t operator()(std::uint32_t crc) const {
    return tables[0][crc & 0xFF] ^ tables[1][(crc >> 8) & 0xFF] ^ tables[2][(crc >> 16) & 0xFF] ^ tables[3][crc >> 24];
  }
};

// The instruction has a latency of three cycles and a throughput of one: three streams keep it busy.
constexpr std::size_t kStream = 1024;

__attribute__((target("sse4.2"))) std::uint64_t crc_step(std::uint64_t crc, const unsigned char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return _mm_crc32_u64(crc, word);
}

__attribute__((target("sse4.2"))) std::uint32_t crc_by_instruction(const unsigned char* data, std::size_t size,
                                                                   std::uint32_t crc) {
  static const ZeroShift shift(kStream);
  std::uint64_t a = crc;
  while (size >= 3 * kStream) {
    std::uint64_t b = 0, c = 0;
    for (std::size_t i = 0; i < kStream; i += 8) {
      a = crc_step(a, data + i);
      b = crc_step(b, data + kStream + i);
      c = crc_step(c, data + 2 * kStream + i);
    }
    a = shift(static_cast<std::uint32_t>(a)) ^ b;
    a = shift(static_cast<std::uint32_t>(a)) ^ c;
    data += 3 * kStream;
    size -= 3 * kStream;
  }
  for (; size >= 8; data += 8, size -= 8) a = crc_step(a, data);
  return crc_by_table(data, size, static_cast<std::uint32_t>(a));
}

#endif

}  // namespace

std::uint32_t crc32c(ByteSpan bytes, std::uint32_t seed) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return ~crc_by_instruction(data, bytes.size(), ~seed);
#endif
  return ~crc_by_table(data, bytes.size(), ~seed);
}

std::uint64_t xxh3(ByteSpan bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace headrace
