// SPDX-License-Identifier: Apache-2.0
// Values that people type: sizes, durations, URLs. Every parser answers with one sentence that says what is wrong.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace headrace {

/// "4M", "4MiB", "4096", "1.5G": binary units unless "MB" is spelled (then powers of ten). A bare number is multiplied by
/// `bare_unit` (JuiceFS reads --cache-size as MiB). kInvalid with a sentence.
Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t bare_unit = 1);
/// 1536 → "1.5 KiB". For people.
std::string format_size(std::uint64_t bytes);

/// "10s", "5m", "1h30m", "2d", "250ms"; a bare number is seconds. kInvalid with a sentence.
Result<Duration> parse_duration(std::string_view text);
/// 90 s → "1m30s". For people.
std::string format_duration(Duration length);

/// scheme://[user[:password]@]rest[?name=value&...]. The password is kept apart and never printed.
struct Url {
  std::string scheme;    // lower case
  std::string user;
  std::string password;  // a secret
  std::string rest;      // host and path, undecoded
  std::map<std::string, std::string> query;
  /// Without the password.
  std::string redacted() const;
};
Result<Url> parse_url(std::string_view text);

}  // namespace headrace
