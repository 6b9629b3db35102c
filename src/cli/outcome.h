// SPDX-License-Identifier: Apache-2.0
// How a command ends: well, or with one line that says what failed, perhaps a second one that says what to do, and an
// exit status that scripts can tell apart. docs/cli.md prints the table below.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headrace::cli {

/// The exit statuses of the program. Promised: a number never changes its meaning.
enum class Exit {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kConflict = 4,
  kPermission = 5,
  kUnreachable = 6,
  kTimedOut = 7,
  kDamaged = 8,
  kInterrupted = 130,
};

struct ExitMeaning {
  Exit exit;
  std::string_view meaning;
};
/// All of them, in the order of their numbers, for people.
std::span<const ExitMeaning> exit_meanings();

/// The exit status that a failure of this kind gets, where the command knows nothing more exact.
Exit exit_of(Code code);

/// A failed command. `what` is one line without "error: "; `hint`, if any, says what to do next. Neither holds a
/// secret.
struct Failure {
  Exit exit = Exit::kFailed;
  std::string what;
  std::string hint;

  Failure(Exit status, std::string text, std::string next = {})
      : exit(status), what(std::move(text)), hint(std::move(next)) {}
  Failure(const Error& error)
      : exit(exit_of(error.code)), what(error.text()) {}  // NOLINT: so that TRY works in a command
};

/// The result of a command. TRY and TRY_OK work in functions that return it.
using Outcome = std::expected<void, Failure>;

inline std::unexpected<Failure> fail(Exit exit, std::string what, std::string hint = {}) {
  return std::unexpected<Failure>(Failure(exit, std::move(what), std::move(hint)));
}
/// The error with what was being done in front: "cannot open the bucket: permission denied".
inline std::unexpected<Failure> fail(std::string_view doing, const Error& error, std::string hint = {}) {
  return std::unexpected<Failure>(
      Failure(exit_of(error.code), std::string(doing) + ": " + error.text(), std::move(hint)));
}

}  // namespace headrace::cli
