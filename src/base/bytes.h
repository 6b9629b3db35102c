// SPDX-License-Identifier: Apache-2.0
// Big-endian numbers in byte strings, as JuiceFS's records have them, and spans of bytes.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace headrace {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

inline ByteSpan bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view text_view(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <std::unsigned_integral T>
constexpr T byteswap(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

/// Reads a big-endian number at `at`; the caller has checked the length.
template <std::unsigned_integral T>
T load_big_endian(const void* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? byteswap(value) : value;
}

template <std::unsigned_integral T>
void append_big_endian(std::string& out, T value) {
  if (std::endian::native == std::endian::little) value = byteswap(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace headrace
