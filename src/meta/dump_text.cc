// SPDX-License-Identifier: Apache-2.0
// Bytes and text.
#include "meta/dump_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

namespace headrace::meta {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";
constexpr std::pair<FileType, std::string_view> kTypes[] = {
    {FileType::kRegular, "regular"}, {FileType::kDirectory, "directory"},  {FileType::kSymlink, "symlink"},
    {FileType::kFifo, "fifo"},       {FileType::kBlockDevice, "blockdev"}, {FileType::kCharDevice, "chardev"},
    {FileType::kSocket, "socket"},
};

bool is_continuation(std::string_view bytes, std::size_t at, unsigned char least = 0x80, unsigned char most = 0xBF) {
  return at < bytes.size() && static_cast<unsigned char>(bytes[at]) >= least &&
         static_cast<unsigned char>(bytes[at]) <= most;
}

/// How many bytes the valid UTF-8 character at `at` has; 0: there is none.
std::size_t character_at(std::string_view bytes, std::size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_continuation(bytes, at + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned char least = first == 0xE0 ? 0xA0 : 0x80, most = first == 0xED ? 0x9F : 0xBF;  // no surrogates
    return is_continuation(bytes, at + 1, least, most) && is_continuation(bytes, at + 2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned char least = first == 0xF0 ? 0x90 : 0x80, most = first == 0xF4 ? 0x8F : 0xBF;
    return is_continuation(bytes, at + 1, least, most) && is_continuation(bytes, at + 2) &&
                   is_continuation(bytes, at + 3)
               ? 4
               : 0;
  }
  return 0;
}

int digit_of(char c) {
  const std::size_t at = kHexDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string escape_bytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = character_at(bytes, at);
    const auto byte = static_cast<unsigned char>(bytes[at]);
    if (length == 0 || (length == 1 && (byte <= 0x20 || byte == '%' || byte == '"' || byte == '\\'))) {
      out += '%';
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
      ++at;
    } else {
      out += bytes.substr(at, length);
      at += length;
    }
  }
  return out;
}

std::string unescape_bytes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size() && digit_of(text[at + 1]) >= 0 && digit_of(text[at + 2]) >= 0) {
      out += static_cast<char>(digit_of(text[at + 1]) << 4 | digit_of(text[at + 2]));
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_at(text, at);
    const char c = text[at];
    if (length == 0) {
      out += "\\ufffd";
      ++at;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
  out += '"';
  return with_go_escapes(out);
}

std::string with_go_escapes(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else if (json.substr(at, 3) == "\xE2\x80\xA8" || json.substr(at, 3) == "\xE2\x80\xA9") {
      out += json[at + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      at += 2;
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view dump_name_of(FileType type) {
  for (const auto& [known, name] : kTypes) {
    if (known == type) return name;
  }
  return "";
}

Result<FileType> type_of_dump_name(std::string_view name) {
  for (const auto& [type, known] : kTypes) {
    if (known == name) return type;
  }
  return Error(Code::kDamaged, fmt::format("there is no type of file \"{}\"", name));
}

}  // namespace headrace::meta
