// SPDX-License-Identifier: Apache-2.0
// What a command takes, as data: from these tables come parsing, the check of values, help, man pages, shell completion
// and docs/cli.md, so that none of them can say something else than the others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace headrace::cli {

enum class ValueKind { kSwitch, kText, kSize, kNumber, kDuration, kChoice };

/// One flag. Its long name is also its key in configuration files, and in upper case with '_' behind HEADRACE_ in the
/// environment.
struct OptionSpec {
  std::string name{};  // "cache-size", without dashes
  char letter = 0;     // 'd' for -d
  ValueKind kind = ValueKind::kSwitch;
  std::string value_name{};              // "SIZE": what help calls the value
  std::string text{};                    // one sentence, without the full stop's repetition of the name
  std::string fallback{};                // the default as a person would type it; empty: none
  std::string fallback_text{};           // what help says in place of a default that depends on the machine
  std::uint64_t bare_unit = 1;           // kSize: what a bare number counts
  std::optional<std::uint64_t> least{};  // kSize bytes, kNumber, kDuration nanoseconds
  std::optional<std::uint64_t> most{};
  bool zero_is_off = false;            // 0 is allowed although it is less than `least`
  std::vector<std::string> choices{};  // kChoice, and parts of a list that completion offers
  bool repeats = false;                // every occurrence counts; a switch or value otherwise counts by its last
  bool only_flag = false;              // not from environment or file: what must be meant each time
};

/// A flag that users of JuiceFS know and that is not here: it is refused by name, with the reason.
struct RefusedOption {
  std::string name{};
  char letter = 0;
  std::string reason{};  // "…; use --cache-size"
};

/// A word that is no flag.
struct ArgumentSpec {
  std::string name{};  // "META-URL"
  std::string text{};
  bool is_required = true;
  bool repeats = false;  // the last one only: takes all that follow
};

}  // namespace headrace::cli
