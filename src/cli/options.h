// SPDX-License-Identifier: Apache-2.0
// The values of a command's flags, each from the first place that names it: command line, environment (HEADRACE_*),
// the file of --config, $XDG_CONFIG_HOME/headrace/config.yaml, /etc/headrace/config.yaml, the default. All are checked
// before a command runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/option.h"

namespace headrace::cli {

/// The process's variables as they were at its start.
using Environment = std::map<std::string, std::string, std::less<>>;

/// What one place says of flags: name → values as typed.
struct Source {
  /// How an error names a flag of this place: "--cache-size", "HEADRACE_CACHE_SIZE", "/etc/headrace/config.yaml:
  /// cache-size".
  std::string (*describe)(const Source& source, std::string_view name) = nullptr;
  std::string place;
  std::map<std::string, std::vector<std::string>, std::less<>> values;
};

/// The variable of a flag: "cache-size" → "HEADRACE_CACHE_SIZE".
std::string variable_of(std::string_view option_name);

/// Thread-safe once made. Asking for a flag that the command does not have, or as another kind than it is, is our own
/// mistake.
class Options {
 public:
  /// Resolves flags over sources in their order. kInvalid with the sentence to print: a value that cannot be.
  static Result<Options> resolve(const std::vector<OptionSpec>& specs, const std::vector<Source>& sources);

  /// Whether any place names it (its default does not count).
  bool is_set(std::string_view name) const;
  bool on(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  std::uint64_t size(std::string_view name) const;
  std::uint64_t number(std::string_view name) const;
  Duration duration(std::string_view name) const;
  /// Of a flag that repeats: every value, in order.
  const std::vector<std::string>& list(std::string_view name) const;

  /// The words that are no flags.
  std::vector<std::string> arguments;

 private:
  struct Value {
    ValueKind kind = ValueKind::kText;
    bool is_set = false;
    std::vector<std::string> texts;
    std::uint64_t number = 0;  // size in bytes, number, nanoseconds, 0 or 1
  };
  const Value& at(std::string_view name, ValueKind kind) const;

  std::map<std::string, Value, std::less<>> values_;
};

/// The source that the environment is. Variables of flags that the command does not have stay unread.
Source environment_source(const Environment& environment, const std::vector<OptionSpec>& specs);

}  // namespace headrace::cli
