// SPDX-License-Identifier: Apache-2.0
// What a log line must not say.
#include <algorithm>
#include <array>
#include <string>

#include "base/log.h"
#include "base/uri.h"

namespace headrace {
namespace {

constexpr std::string_view kMask = "***";
constexpr std::array<std::string_view, 10> kSecretWords{"password",   "passwd",     "passphrase",    "secret",
                                                        "credential", "signature",  "authorization", "api_key",
                                                        "apikey",     "private_key"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_quote(char c) { return c == '"' || c == '\''; }

/// A URL ends at white space, or at the quote or bracket that stands before it as well.
std::size_t end_of_url(std::string_view text, std::size_t scheme, std::size_t after) {
  char closing = scheme > 0 ? text[scheme - 1] : ' ';
  if (closing == '<') closing = '>';
  const bool is_enclosed = is_quote(closing) || closing == '>';
  while (after < text.size() && !is_space(text[after]) && !(is_enclosed && text[after] == closing)) ++after;
  return after;
}

/// Passwords between "scheme://user:" and the deciding '@'.
std::string without_url_passwords(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t mark = text.find("://"); mark != text.npos; mark = text.find("://", done)) {
    std::size_t scheme = mark;
    while (scheme > done && is_key_char(text[scheme - 1])) --scheme;
    const std::size_t start = mark + 3;
    const std::size_t end = end_of_url(text, scheme, start);
    const std::string_view after = text.substr(start, end - start);
    const std::size_t at = userinfo_end(lowered(text.substr(scheme, mark - scheme)), after);
    const std::size_t colon = after.find(':');
    if (at != after.npos && colon < at && colon + 1 < at) {
      out.append(text.substr(done, start + colon + 1 - done)).append(kMask);
      done = start + at;
    } else {
      out.append(text.substr(done, start - done));
      done = start;
    }
  }
  return out.append(text.substr(done));
}

/// A `key=value`, `key: value` or `"key": "value"` that begins at a key: where its value lies. Empty where there is
/// none.
struct Value {
  std::size_t begin = 0, end = 0;
};

Value value_after(std::string_view text, std::size_t key_end, bool to_end_of_line) {
  std::size_t at = key_end;
  const auto skip_spaces = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  };
  if (at < text.size() && is_quote(text[at])) ++at;
  skip_spaces();
  if (at >= text.size() || (text[at] != '=' && text[at] != ':') || text.substr(at).starts_with("://")) return {};
  ++at;
  skip_spaces();
  if (at < text.size() && is_quote(text[at])) {
    const char quote = text[at++];
    const std::size_t begin = at;
    while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
    return {begin, std::min(at, text.size())};
  }
  const std::size_t begin = at;
  while (at < text.size() && text[at] != '\n' && text[at] != '\r') {
    if (!to_end_of_line && (is_space(text[at]) || is_quote(text[at]) || text[at] == '&')) break;
    ++at;
  }
  return {begin, at};
}

/// What follows keys that name secrets.
std::string without_secret_values(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_key_char(text[end])) ++end;
    if (end == at) {
      ++at;
      continue;
    }
    const std::string_view key = text.substr(at, end - at);
    at = end;
    if (!names_a_secret(key)) continue;
    const Value value =
        value_after(text, end, lowered(key).ends_with("authorization"));  // of which each word is a secret
    if (value.begin == value.end) continue;
    out.append(text.substr(done, value.begin - done)).append(kMask);
    done = at = value.end;
  }
  return out.append(text.substr(done));
}

}  // namespace

bool names_a_secret(std::string_view key) {
  std::string name = lowered(key);
  std::ranges::replace(name, '-', '_');
  if (name.ends_with("token")) return true;
  return std::ranges::any_of(kSecretWords, [&](std::string_view word) { return name.contains(word); });
}

std::string redacted(std::string_view text) {
  std::string safe(text);
  if (text.find_first_of(":=") == text.npos) return safe;
  // What is masked may have hidden the edges of something else. Every round that changes anything masks more than the
  // one before.
  for (;;) {
    std::string masked = without_secret_values(without_url_passwords(safe));
    if (masked == safe) return safe;
    safe = std::move(masked);
  }
}

}  // namespace headrace
