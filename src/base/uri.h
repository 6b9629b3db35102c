// SPDX-License-Identifier: Apache-2.0
// Values that people type: sizes, durations, URLs. Every parser answers with one sentence that says what is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace headrace {

/// "4M", "4MiB", "4Mi", "4096", "1.5G": binary units unless "MB" is spelled (then powers of ten); letters in any case.
/// A bare number is multiplied by `bare_unit` (JuiceFS reads --cache-size as MiB). Parts of a byte are dropped.
/// kInvalid with a sentence.
Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t bare_unit = 1);
/// 1536 → "1.5 KiB", to one decimal. For people.
std::string format_size(std::uint64_t bytes);

/// "10s", "5m", "1h30m", "2d", "250ms", "1.5s"; d h m s ms us ns; a bare number is seconds. Never negative. kInvalid
/// with a sentence.
Result<Duration> parse_duration(std::string_view text);
/// 90 s → "1m30s". Whole seconds from a minute up, three decimals below; negative ones with a '-'. For people, and
/// parse_duration reads it.
std::string format_duration(Duration length);

/// scheme://[user[:password]@]rest[?name=value&...]. The password is kept apart and never printed.
///
///   sqlite3:///abs/path.db?x=y      rest "/abs/path.db"
///   sqlite3://rel.db                rest "rel.db"
///   redis://:pw@host:6379/1         password "pw", rest "host:6379/1"
///   redis://user:p@ss@host          password "p@ss": the last '@' decides
///   s3://key:sec/ret@host/bucket    password "sec/ret": a port would be a number
///
/// Paths (sqlite3, file) have no user and keep every '@'. User, password (without a space),
/// names and values are percent-decoded, the rest is as it was written. A name that comes twice keeps its last value.
struct Url {
  std::string scheme;  // lower case
  std::string user;
  std::string password;  // a secret
  std::string rest;      // host and path, undecoded
  std::map<std::string, std::string> query;
  /// Without the password, and without the values of names that name a secret.
  std::string redacted() const;
};
/// kInvalid with a sentence that holds no secret.
Result<Url> parse_url(std::string_view text);

/// Where the user and password at the start of what follows "scheme://" end, by the rules above: the place of the '@';
/// npos where there are none.
std::size_t userinfo_end(std::string_view scheme, std::string_view after_scheme);

}  // namespace headrace
