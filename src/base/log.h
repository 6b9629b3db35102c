// SPDX-License-Identifier: Apache-2.0
// One line for each thing a person should know: logfmt or JSON, UTC with milliseconds, on one descriptor. A Log is an
// object that is handed around: there is no global one. Secrets are not logged: URLs go through redacted() first, and a
// filter masks what looks like one all the same.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace headrace {

/// info: for the record. warn: someone should look. error: something was lost or refused.
enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };
enum class LogFormat { kText, kJson };

/// `{"path", path}`: one key and its value of a log line.
using LogField = std::pair<std::string_view, std::string>;

/// Text is logfmt:  ts=2026-01-31T09:05:07.042Z level=warn msg="the store is slow" bucket=b1
/// JSON is one object a line with the same keys, all values strings. A value longer than 4 KiB is cut.
///
/// Of warnings and errors with the same message, ten are written in ten seconds; the rest are counted, and a line
/// `... suppressed=N` follows with the next line after that time, or when the log ends. So what differs from case to
/// case belongs in fields, not in the message. Only a message's text counts as "the same": its fields may differ.
class Log {
 public:
  /// Lines go to the descriptor, which stays open and the caller's. Each line is one write(2); a file is opened with
  /// O_APPEND, and a program whose descriptor may be a pipe ignores SIGPIPE. `clock`: the system's where null.
  explicit Log(int fd, LogLevel level = LogLevel::kInfo, LogFormat format = LogFormat::kText,
               const Clock* clock = nullptr);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Thread-safe; never fails: a line that cannot be written is dropped and counted. A reader that takes nothing for
  /// 100 ms loses lines until it does.
  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::kDebug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::kInfo, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::kWarn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::kError, message, fields);
  }

  /// Thread-safe.
  void set_level(LogLevel level);
  bool is_enabled(LogLevel level) const;
  /// How many lines could not be written.
  std::uint64_t dropped_lines() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "debug", "info", "warn", "error", "off"; kInvalid with a sentence for another word.
Result<LogLevel> parse_log_level(std::string_view text);

/// Whether a key's value is nobody's business: a key that holds password, passwd, passphrase, secret, credential,
/// signature, authorization, api_key or private_key, or ends in token; in any case, with '-' as good as '_'.
bool names_a_secret(std::string_view key);

/// The text with passwords in URLs, and what follows `key=` or `key:` where the key names a secret, replaced by "***".
/// Running it again changes nothing.
std::string redacted(std::string_view text);

}  // namespace headrace
