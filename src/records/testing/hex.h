// SPDX-License-Identifier: Apache-2.0
// Bytes as tests write them down.
#pragma once

#include <string>
#include <string_view>

namespace headrace::records {

/// "00ff" → two bytes. Only for text that is hex.
std::string from_hex(std::string_view text);
std::string to_hex(std::string_view bytes);

}  // namespace headrace::records
