// SPDX-License-Identifier: Apache-2.0
// Parsers of what people type, by hand: every refusal names what was expected.
#include "base/uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/log.h"

namespace headrace {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A decimal number without sign or exponent: whole + part/scale.
struct Decimal {
  std::uint64_t whole = 0;
  std::uint64_t part = 0;
  std::uint64_t scale = 1;

  /// In units of 1/`unit`, what is left over dropped; nothing where it does not fit.
  std::optional<std::uint64_t> times(std::uint64_t unit) const {
    const unsigned __int128 value =
        static_cast<unsigned __int128>(whole) * unit + static_cast<unsigned __int128>(part) * unit / scale;
    if (value > kMax) return std::nullopt;
    return static_cast<std::uint64_t>(value);
  }
};

/// Takes a Decimal off the front; nothing where there is none, or it is too large. Digits after the ninth decimal are
/// dropped.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number;
  std::size_t at = 0, digits = 0;
  for (; at < text.size() && is_digit(text[at]); ++at, ++digits) {
    const auto digit = static_cast<unsigned>(text[at] - '0');
    if (number.whole > (kMax - digit) / 10) return std::nullopt;
    number.whole = number.whole * 10 + digit;
  }
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && is_digit(text[at]); ++at, ++digits) {
      if (number.scale >= 1'000'000'000) continue;
      number.part = number.part * 10 + static_cast<unsigned>(text[at] - '0');
      number.scale *= 10;
    }
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(at);
  return number;
}

Error no_size(std::string_view text, std::string_view why) {
  return Error(Code::kInvalid, fmt::format("{}, got \"{}\"", why, redacted(text)));
}

/// The unit of a size, in bytes; 0 where there is no such unit.
std::uint64_t size_unit(std::string_view letters) {
  if (letters == "b") return 1;
  constexpr std::string_view kPowers = "kmgtpe";
  const std::size_t power = letters.empty() ? kPowers.npos : kPowers.find(letters.front());
  if (power == kPowers.npos) return 0;
  const std::string_view tail = letters.substr(1);
  if (tail.empty() || tail == "i" || tail == "ib") return std::uint64_t{1} << (10 * (power + 1));
  if (tail != "b") return 0;
  std::uint64_t unit = 1;
  for (std::size_t i = 0; i <= power; ++i) unit *= 1000;
  return unit;
}

struct DurationUnit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr std::array<DurationUnit, 8> kDurationUnits{{{"d", 86'400'000'000'000},
                                                      {"h", 3'600'000'000'000},
                                                      {"m", 60'000'000'000},
                                                      {"s", 1'000'000'000},
                                                      {"ms", 1'000'000},
                                                      {"us", 1'000},
                                                      {"\u00B5s", 1'000},
                                                      {"ns", 1}}};

std::optional<std::uint64_t> duration_unit(std::string_view name) {
  for (const DurationUnit& unit : kDurationUnits) {
    if (unit.name == name) return unit.nanoseconds;
  }
  return std::nullopt;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Result<std::string> percent_decoded(std::string_view text, std::string_view what) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0)
      return Error(
          Code::kInvalid,
          fmt::format("a '%' in the {} of a URL is followed by two hexadecimal digits (write '%' as %25)", what));
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Result<std::map<std::string, std::string>> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    TRY(std::string name, percent_decoded(pair.substr(0, equals), "query"));
    TRY(std::string value,
        percent_decoded(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), "query"));
    if (name.empty())
      return Error(Code::kInvalid,
                   "a value in the query of a URL has no name: name=value&name=value is expected after '?'");
    query[std::move(name)] = std::move(value);
  }
  return query;
}

bool is_port(std::string_view text) { return text.size() <= 5 && std::ranges::all_of(text, is_digit); }

bool is_path_scheme(std::string_view scheme) { return scheme == "sqlite3" || scheme == "file"; }

/// What follows the host is a number or a name: an '@' there belongs to a password.
bool is_database_scheme(std::string_view scheme) {
  return scheme == "redis" || scheme == "rediss" || scheme == "mysql" || scheme == "postgres";
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t bare_unit) {
  std::string_view rest = text;
  const std::optional<Decimal> number = take_decimal(rest);
  if (!number) return no_size(text, "a size is a number with a unit, such as 4MiB, 1.5G or 100MB");
  std::uint64_t unit = bare_unit;
  if (rest.starts_with(' ') && rest.size() > 1) rest.remove_prefix(1);
  if (!rest.empty()) unit = size_unit(lower(rest));
  if (unit == 0)
    return no_size(text, "the units of a size are K M G T P E (powers of 1024) or KB MB GB TB PB EB (powers of 1000)");
  const std::optional<std::uint64_t> bytes = number->times(unit);
  if (!bytes) return no_size(text, "a size is below 16 EiB");
  return *bytes;
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  std::size_t power = 1;
  std::uint64_t tenths = 0;
  for (;; ++power) {
    const unsigned __int128 unit = static_cast<unsigned __int128>(1) << (10 * power);
    tenths = static_cast<std::uint64_t>((static_cast<unsigned __int128>(bytes) * 10 + unit / 2) / unit);
    if (tenths < 10240 || power + 1 == kUnits.size()) break;
  }
  if (tenths % 10 == 0) return fmt::format("{} {}", tenths / 10, kUnits[power]);
  return fmt::format("{}.{} {}", tenths / 10, tenths % 10, kUnits[power]);
}

Result<Duration> parse_duration(std::string_view text) {
  constexpr auto kLongest = static_cast<std::uint64_t>(Duration::max().count());
  const auto refuse = [&](std::string_view why) {
    return Error(Code::kInvalid, fmt::format("{}, got \"{}\"", why, redacted(text)));
  };
  std::string_view rest = text;
  std::uint64_t total = 0;
  for (bool is_first = true; is_first || !rest.empty(); is_first = false) {
    const std::optional<Decimal> number = take_decimal(rest);
    if (!number) return refuse("a duration is a number with a unit, such as 10s, 5m, 1h30m or 250ms");
    const auto letters = static_cast<std::size_t>(
        std::find_if(rest.begin(), rest.end(), [](char c) { return is_digit(c) || c == '.'; }) - rest.begin());
    const bool is_bare = is_first && rest.empty();
    const std::optional<std::uint64_t> unit = is_bare ? 1'000'000'000 : duration_unit(rest.substr(0, letters));
    if (!unit) return refuse("the units of a duration are d, h, m, s, ms, us and ns");
    rest.remove_prefix(letters);
    const std::optional<std::uint64_t> length = number->times(*unit);
    if (!length || *length > kLongest - total) return refuse("a duration is below 292 years");
    total += *length;
  }
  return Duration(static_cast<std::int64_t>(total));
}

std::string format_duration(Duration length) {
  const bool is_negative = length < Duration::zero();
  std::uint64_t left = static_cast<std::uint64_t>(length.count());
  if (is_negative) left = 0 - left;
  std::string out = is_negative ? "-" : "";
  if (left == 0) return "0s";
  if (left < 60'000'000'000) {
    std::size_t unit = 3;  // seconds
    while (left < kDurationUnits[unit].nanoseconds) unit = unit == 5 ? 7 : unit + 1;
    const std::uint64_t whole = left / kDurationUnits[unit].nanoseconds;
    const std::uint64_t thousandths = left % kDurationUnits[unit].nanoseconds * 1000 / kDurationUnits[unit].nanoseconds;
    out += std::to_string(whole);
    if (thousandths > 0) {
      std::string digits = fmt::format(".{:03}", thousandths);
      digits.erase(digits.find_last_not_of('0') + 1);
      out += digits;
    }
    return out.append(kDurationUnits[unit].name);
  }
  for (std::size_t unit = 0; unit < 4; ++unit) {
    const std::uint64_t count = left / kDurationUnits[unit].nanoseconds;
    left %= kDurationUnits[unit].nanoseconds;
    if (count > 0) out.append(std::to_string(count)).append(kDurationUnits[unit].name);
  }
  return out;
}

std::size_t userinfo_end(std::string_view scheme, std::string_view after_scheme) {
  if (is_path_scheme(scheme)) return after_scheme.npos;
  const std::string_view authority = after_scheme.substr(0, after_scheme.find_first_of("/?"));
  const std::string_view before_query = after_scheme.substr(0, after_scheme.find('?'));
  const std::size_t at = (is_database_scheme(scheme) ? before_query : authority).rfind('@');
  if (at != after_scheme.npos) return at;
  // "key:sec/ret@host": what follows the colon is no port, so the '/' (or '?') is a part of the password.
  const std::size_t colon = authority.rfind(':');
  if (colon == authority.npos || is_port(authority.substr(colon + 1)) || authority.ends_with(']'))
    return after_scheme.npos;
  return after_scheme.rfind('@');
}

std::string Url::redacted() const {
  std::string out = scheme + "://";
  out += user;
  if (!password.empty()) out += ":***";
  if (!user.empty() || !password.empty()) out += '@';
  out += rest;
  char separator = '?';
  for (const auto& [name, value] : query) {
    out += separator;
    out.append(name).append("=").append(names_a_secret(name) ? "***" : value);
    separator = '&';
  }
  return out;
}

Result<Url> parse_url(std::string_view text) {
  const std::size_t mark = text.find("://");
  const auto is_scheme_char = [](char c) {
    return is_digit(c) || c == '+' || c == '-' || c == '.' || (lower(c) >= 'a' && lower(c) <= 'z');
  };
  if (mark == text.npos || mark == 0 || !std::ranges::all_of(text.substr(0, mark), is_scheme_char) ||
      is_digit(text.front())) {
    return Error(Code::kInvalid,
                 fmt::format("a URL begins with a scheme, such as sqlite3://, redis://, s3:// or file://, got \"{}\"",
                             headrace::redacted(text)));
  }
  Url url;
  url.scheme = lower(text.substr(0, mark));
  std::string_view after = text.substr(mark + 3);
  if (std::ranges::any_of(after, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
    return Error(Code::kInvalid, fmt::format("a {}:// URL holds a control character", url.scheme));
  }
  if (const std::size_t end = userinfo_end(url.scheme, after); end != after.npos) {
    const std::string_view userinfo = after.substr(0, end);
    if (userinfo.contains(' ')) return Error(Code::kInvalid, "a space in the user or password of a URL is written %20");
    const std::size_t colon = userinfo.find(':');
    TRY(url.user, percent_decoded(userinfo.substr(0, colon), "user"));
    if (colon != userinfo.npos) {
      TRY(url.password, percent_decoded(userinfo.substr(colon + 1), "password"));
    }
    after.remove_prefix(end + 1);
  }
  const std::size_t question = after.find('?');
  url.rest = after.substr(0, question);
  if (url.rest.empty())
    return Error(Code::kInvalid, fmt::format("a {}:// URL names nothing after its scheme", url.scheme));
  if (question != after.npos) {
    TRY(url.query, parse_query(after.substr(question + 1)));
  }
  return url;
}

}  // namespace headrace
