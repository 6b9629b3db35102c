// SPDX-License-Identifier: Apache-2.0
// How a JSON dump of metadata writes bytes (juicefs-volume-format, section 9.1): names, targets and values of extended
// attributes may hold any byte, and JSON only text. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/attr.h"
#include "base/result.h"

namespace headrace::meta {

/// Each byte up to 0x20, '%', '"', '\', and each that is part of no valid UTF-8 as %XX, in upper-case hex digits.
std::string escape_bytes(std::string_view bytes);
/// The bytes that an escaped text stands for. A '%' without two upper-case hex digits behind it stays as it is.
std::string unescape_bytes(std::string_view text);
/// A JSON string with its quotes, as Go's encoder writes it: '<', '>', '&', U+2028 and U+2029 as \uXXXX too. Bytes that
/// are no text become U+FFFD.
std::string json_string(std::string_view text);
/// A JSON document with what Go's encoder escapes beyond ours.
std::string with_go_escapes(std::string_view json);

/// "regular", "directory", "symlink", "fifo", "blockdev", "chardev", "socket".
std::string_view dump_name_of(FileType type);
/// kDamaged: no such type.
Result<FileType> type_of_dump_name(std::string_view name);

}  // namespace headrace::meta
