// SPDX-License-Identifier: Apache-2.0
// Overwrites in place: what the kernel shows of a process is the memory it started with.
#include "cli/secrets.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/uri.h"

namespace headrace::cli {
namespace {

/// The value of a variable, which then is gone from the environment and its memory.
std::string take(char** environment, const char* name) {
  std::string value;
  const std::size_t name_bytes = std::strlen(name);
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, name, name_bytes) != 0 || (*entry)[name_bytes] != '=') continue;
    char* const text = *entry + name_bytes + 1;
    value = text;
    explicit_bzero(text, std::strlen(text));
  }
  unsetenv(name);
  return value;
}

}  // namespace

Secrets take_secrets(char** environment) {
  Secrets secrets;
  secrets.meta_password = take(environment, "META_PASSWORD");
  secrets.access_key = take(environment, "ACCESS_KEY");
  secrets.secret_key = take(environment, "SECRET_KEY");
  return secrets;
}

int wipe_passwords(std::span<char*> arguments) {
  int wiped = 0;
  for (char* const argument : arguments) {
    const std::string_view text(argument);
    const std::size_t scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) continue;
    const std::size_t name_end = text.substr(0, scheme_end).find_last_of("= ");
    const std::size_t scheme_start = name_end == std::string_view::npos ? 0 : name_end + 1;  // --flag=scheme://…
    const std::string_view scheme = text.substr(scheme_start, scheme_end - scheme_start);
    const std::string_view rest = text.substr(scheme_end + 3);
    const std::size_t at = userinfo_end(scheme, rest);
    if (at == std::string_view::npos) continue;
    const std::size_t colon = rest.substr(0, at).find(':');
    if (colon == std::string_view::npos || colon + 1 == at) continue;
    std::memset(argument + scheme_end + 3 + colon + 1, '*', at - colon - 1);
    ++wiped;
  }
  return wiped;
}

}  // namespace headrace::cli
