// SPDX-License-Identifier: Apache-2.0
// One line for each thing a person should know: logfmt or JSON, UTC with milliseconds, on one descriptor. A Log is an object that
// is handed around: there is no global one. Secrets are not logged: URLs go through redacted() first, and a filter masks what
// looks like one all the same.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace headrace {

/// info: for the record. warn: someone should look. error: something was lost or refused.
enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };
enum class LogFormat { kText, kJson };

/// `{"path", path}`: one key and its value of a log line.
using LogField = std::pair<std::string_view, std::string>;

class Log {
 public:
  /// Lines go to the descriptor, which stays open and the caller's. Each line is one write(2).
  explicit Log(int fd, LogLevel level = LogLevel::kInfo, LogFormat format = LogFormat::kText);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Thread-safe; never fails: a line that cannot be written is dropped and counted.
  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const { write(LogLevel::kDebug, message, fields); }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const { write(LogLevel::kInfo, message, fields); }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const { write(LogLevel::kWarn, message, fields); }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const { write(LogLevel::kError, message, fields); }

  void set_level(LogLevel level);
  bool is_enabled(LogLevel level) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The text with passwords in URLs and values of keys that name secrets replaced by "***".
std::string redacted(std::string_view text);

}  // namespace headrace
