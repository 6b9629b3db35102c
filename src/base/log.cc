// SPDX-License-Identifier: Apache-2.0
// Lines of a log: their form, their limit, their way out.
#include "base/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <span>
#include <vector>

#include "base/mutex.h"

namespace headrace {
namespace {

constexpr std::size_t kValueBytesMax = 4096;
constexpr int kSlowReaderMillis = 100;
constexpr std::uint32_t kBurst = 10;
constexpr Duration kWindow = std::chrono::seconds(10);
constexpr std::size_t kMessagesMax = 256;  // how many different ones are told apart at once

constexpr std::array<std::string_view, 5> kLevelNames{"debug", "info", "warn", "error", "off"};

std::string_view name_of(LogLevel level) { return kLevelNames[static_cast<std::size_t>(level)]; }

/// Days since the epoch as a civil date (the proleptic Gregorian calendar, counted in eras of 400 years from 1 March).
struct Date {
  std::int64_t year;
  unsigned month, day;
};

Date date_of(std::int64_t days) {
  days += 719468;  // from 0000-03-01
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

std::string rfc3339(const Timestamp& moment) {
  const std::int64_t days = moment.seconds / 86400 - (moment.seconds % 86400 < 0 ? 1 : 0);
  const std::int64_t second = moment.seconds - days * 86400;
  const Date date = date_of(days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", date.year, date.month, date.day, second / 3600,
                     second / 60 % 60, second % 60, moment.nanoseconds / 1'000'000);
}

/// The length of the well-formed UTF-8 character at the start of the text; 0 where there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first < 0xF0) {
    if (!continues(1) || !continues(2) || (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) >= 0xA0))
      return 0;
    return 3;
  }
  if (first >= 0xF0 && first < 0xF5) {
    if (!continues(1) || !continues(2) || !continues(3) || (first == 0xF0 && byte(1) < 0x90) ||
        (first == 0xF4 && byte(1) >= 0x90))
      return 0;
    return 4;
  }
  return 0;
}

/// In double quotes, as JSON has it; what is not UTF-8 becomes U+FFFD.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (length > 1) {
      out += text.substr(0, length);
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return false;
  }
  return !text.empty();
}

void append_field(std::string& out, LogFormat format, std::string_view key, std::string_view value) {
  std::string cut;
  if (value.size() > kValueBytesMax) {
    cut.append(value.substr(0, kValueBytesMax)).append("...");
    value = cut;
  }
  if (format == LogFormat::kJson) {
    out += out.empty() ? '{' : ',';
    append_quoted(out, key);
    out += ':';
    append_quoted(out, value);
    return;
  }
  if (!out.empty()) out += ' ';
  out.append(key) += '=';
  if (is_plain(value)) {
    out += value;
  } else {
    append_quoted(out, value);
  }
}

std::string masked(const LogField& field) {
  if (names_a_secret(field.first) && !field.second.empty()) return "***";
  return redacted(field.second);
}

/// What is known of a message that was written not long ago.
struct Repeats {
  Moment since;
  std::uint32_t written = 0;
  std::uint64_t suppressed = 0;
};

using MessageKey = std::pair<LogLevel, std::string>;

struct Summary {
  MessageKey message;
  std::uint64_t suppressed;
};

}  // namespace

struct Log::Impl {
  const int fd;
  std::atomic<LogLevel> level;
  const LogFormat format;
  const SystemClock system_clock;
  const Clock& clock;
  std::atomic<std::uint64_t> dropped = 0;
  std::atomic<bool> reader_is_slow = false;
  Mutex mutex;
  std::map<MessageKey, Repeats, std::less<>> repeats GUARDED_BY(mutex);

  Impl(int fd_, LogLevel level_, LogFormat format_, const Clock* clock_)
      : fd(fd_), level(level_), format(format_), clock(clock_ != nullptr ? *clock_ : system_clock) {}

  void write_line(LogLevel line_level, std::string_view message, std::span<const LogField> fields,
                  std::uint64_t suppressed);
  void write_out(std::string_view line);
  bool is_wanted(LogLevel line_level, std::string_view message, Moment now) REQUIRES(mutex);
  std::vector<Summary> take_summaries(Moment now) REQUIRES(mutex);
  void write_summaries(const std::vector<Summary>& summaries);
};

void Log::Impl::write_line(LogLevel line_level, std::string_view message, std::span<const LogField> fields,
                           std::uint64_t suppressed) {
  std::string line;
  append_field(line, format, "ts", rfc3339(clock.wall()));
  append_field(line, format, "level", name_of(line_level));
  append_field(line, format, "msg", redacted(message));
  for (const LogField& field : fields) append_field(line, format, field.first, masked(field));
  if (suppressed > 0) append_field(line, format, "suppressed", std::to_string(suppressed));
  line += format == LogFormat::kJson ? "}\n" : "\n";
  write_out(line);
}

void Log::Impl::write_out(std::string_view line) {
  while (!line.empty()) {
    pollfd target{fd, POLLOUT, 0};
    const int ready = ::poll(&target, 1, reader_is_slow.load(std::memory_order_relaxed) ? 0 : kSlowReaderMillis);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      reader_is_slow = true;
      break;
    }
    const ssize_t wrote = ::write(fd, line.data(), line.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    reader_is_slow = false;
    line.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (!line.empty()) dropped.fetch_add(1, std::memory_order_relaxed);
}

bool Log::Impl::is_wanted(LogLevel line_level, std::string_view message, Moment now) {
  if (line_level < LogLevel::kWarn) return true;
  MessageKey key(line_level, message);
  const auto found = repeats.find(key);
  if (found == repeats.end()) {
    if (repeats.size() >= kMessagesMax) return true;  // too many kinds to tell apart: rather all than none
    repeats.emplace(std::move(key), Repeats{now, 1, 0});
    return true;
  }
  if (found->second.written < kBurst) {
    ++found->second.written;
    return true;
  }
  ++found->second.suppressed;
  return false;
}

/// Forgets messages whose time is over, and tells what was not said about them. Moment::max() ends the time of all.
std::vector<Summary> Log::Impl::take_summaries(Moment now) {
  std::vector<Summary> summaries;
  std::erase_if(repeats, [&](const auto& entry) {
    if (now - entry.second.since < kWindow) return false;
    if (entry.second.suppressed > 0) summaries.push_back({entry.first, entry.second.suppressed});
    return true;
  });
  return summaries;
}

void Log::Impl::write_summaries(const std::vector<Summary>& summaries) {
  for (const Summary& summary : summaries)
    write_line(summary.message.first, summary.message.second, {}, summary.suppressed);
}

Log::Log(int fd, LogLevel level, LogFormat format, const Clock* clock)
    : impl_(std::make_unique<Impl>(fd, level, format, clock)) {}

Log::~Log() {
  std::vector<Summary> summaries;
  {
    MutexLock lock(impl_->mutex);
    summaries = impl_->take_summaries(Moment::max());
  }
  impl_->write_summaries(summaries);
}

void Log::write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) const {
  if (!is_enabled(level)) return;
  std::vector<Summary> summaries;
  bool is_wanted = true;
  {
    const Moment now = impl_->clock.now();
    MutexLock lock(impl_->mutex);
    summaries = impl_->take_summaries(now);
    is_wanted = impl_->is_wanted(level, message, now);
  }
  impl_->write_summaries(summaries);
  if (is_wanted) impl_->write_line(level, message, fields, 0);
}

void Log::set_level(LogLevel level) { impl_->level = level; }

bool Log::is_enabled(LogLevel level) const {
  return level >= impl_->level.load(std::memory_order_relaxed) && level != LogLevel::kOff;
}

std::uint64_t Log::dropped_lines() const { return impl_->dropped.load(std::memory_order_relaxed); }

Result<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (text == kLevelNames[i]) return static_cast<LogLevel>(i);
  }
  return Error(Code::kInvalid, fmt::format("a log level is debug, info, warn, error or off, got \"{}\"", text));
}

}  // namespace headrace
