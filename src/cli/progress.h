// SPDX-License-Identifier: Apache-2.0
// How far a long command has come: a line that is redrawn where a person looks at stderr, else one line every ten
// seconds, and one at the end. Nothing at all with --quiet.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "cli/terminal.h"

namespace headrace::cli {

/// Thread-safe.
class Progress {
 public:
  /// `what`: "checking objects". `total` 0: not known.
  Progress(Terminal& terminal, const Clock& clock, std::string what, std::uint64_t total, bool is_quiet);
  /// Ends the redrawn line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_total(std::uint64_t total);
  /// `note` stands behind the numbers: "1.5 GiB".
  void update(std::uint64_t done, const std::string& note = {});
  /// The last line: "checking objects: 1,000 in 12s". Once.
  void finish();

 private:
  std::string line() const REQUIRES(mutex_);
  void draw(bool is_last) REQUIRES(mutex_);

  Terminal& terminal_;
  const Clock& clock_;
  const std::string what_;
  const bool is_quiet_;
  const Moment began_;
  Mutex mutex_;
  std::uint64_t total_ GUARDED_BY(mutex_);
  std::uint64_t done_ GUARDED_BY(mutex_) = 0;
  std::string note_ GUARDED_BY(mutex_);
  Moment drawn_ GUARDED_BY(mutex_);
  bool is_drawn_ GUARDED_BY(mutex_) = false;
  bool is_finished_ GUARDED_BY(mutex_) = false;
};

}  // namespace headrace::cli
