// SPDX-License-Identifier: Apache-2.0
// Hex and back.
#include "records/testing/hex.h"

#include "base/check.h"

namespace headrace::records {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

unsigned digit(char c) {
  const std::size_t found = kDigits.find(c);
  CHECK(found != std::string_view::npos);
  return static_cast<unsigned>(found);
}

}  // namespace

std::string from_hex(std::string_view text) {
  CHECK(text.size() % 2 == 0);
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace headrace::records
