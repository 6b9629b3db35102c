// SPDX-License-Identifier: Apache-2.0
// Calendars.
#include "meta/backup_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace headrace::meta {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::string_view kPattern = "dump-dddd-dd-dd-dddddd.json.gz";

struct Civil {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

Civil civil_of(std::int64_t unix_seconds) {
  const std::int64_t days = unix_seconds >= 0 ? unix_seconds / kDay : (unix_seconds - kDay + 1) / kDay;
  const auto left = static_cast<unsigned>(unix_seconds - days * kDay);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          left / 3600,
          left / 60 % 60,
          left % 60};
}

std::optional<std::int64_t> seconds_of(const Civil& civil) {
  const std::chrono::year_month_day date{std::chrono::year(civil.year), std::chrono::month(civil.month),
                                         std::chrono::day(civil.day)};
  if (!date.ok() || civil.hour > 23 || civil.minute > 59 || civil.second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * kDay + civil.hour * 3600 + civil.minute * 60 + civil.second;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether a text begins as a pattern says, in which 'd' stands for a digit.
bool begins_as(std::string_view text, std::string_view pattern) {
  if (text.size() < pattern.size()) return false;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const bool is_letter_d = at == 0 && pattern.starts_with("dump");
    if (pattern[at] == 'd' && !is_letter_d ? !is_digit(text[at]) : text[at] != pattern[at]) return false;
  }
  return true;
}

/// The number of so many digits at `at`, which are there.
unsigned number_at(std::string_view text, std::size_t at, std::size_t digits) {
  unsigned value = 0;
  std::from_chars(text.data() + at, text.data() + at + digits, value);
  return value;
}

/// Which period a backup stands for, once it is so old. Nothing: it goes.
std::optional<std::pair<int, std::int64_t>> period_of(std::int64_t time, std::int64_t now) {
  const std::int64_t age = now - time;
  if (age < 2 * kDay) return std::pair(0, time);
  if (age < 14 * kDay) return std::pair(1, time / kDay);
  if (age < 60 * kDay) return std::pair(2, time / (7 * kDay));
  const Civil civil = civil_of(time);
  if (age < 730 * kDay) return std::pair(3, std::int64_t{civil.year} * 12 + civil.month);
  return std::nullopt;
}

}  // namespace

std::string backup_name(std::int64_t unix_seconds) {
  const Civil at = civil_of(unix_seconds);
  return fmt::format("dump-{:04}-{:02}-{:02}-{:02}{:02}{:02}.json.gz", at.year, at.month, at.day, at.hour, at.minute,
                     at.second);
}

std::optional<std::int64_t> backup_time(std::string_view name) {
  if (name.size() != kPattern.size() || !begins_as(name, kPattern)) return std::nullopt;
  return seconds_of({static_cast<int>(number_at(name, 5, 4)), number_at(name, 10, 2), number_at(name, 13, 2),
                     number_at(name, 16, 2), number_at(name, 18, 2), number_at(name, 20, 2)});
}

std::string backup_mark(std::int64_t unix_seconds) {
  const Civil at = civil_of(unix_seconds);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", at.year, at.month, at.day, at.hour, at.minute, at.second);
}

std::optional<std::int64_t> parse_backup_mark(std::string_view text) {
  if (!begins_as(text, "dddd-dd-ddTdd:dd:dd")) return std::nullopt;
  const std::optional<std::int64_t> local =
      seconds_of({static_cast<int>(number_at(text, 0, 4)), number_at(text, 5, 2), number_at(text, 8, 2),
                  number_at(text, 11, 2), number_at(text, 14, 2), number_at(text, 17, 2)});
  if (!local) return std::nullopt;
  std::string_view zone = text.substr(19);
  if (zone.starts_with('.')) {
    zone.remove_prefix(1);
    while (!zone.empty() && is_digit(zone.front())) zone.remove_prefix(1);
  }
  if (zone == "Z") return local;
  if (zone.size() != 6 || !(begins_as(zone, "+dd:dd") || begins_as(zone, "-dd:dd"))) return std::nullopt;
  const std::int64_t offset = std::int64_t{number_at(zone, 1, 2)} * 3600 + number_at(zone, 4, 2) * 60;
  return *local - (zone.front() == '+' ? offset : -offset);
}

std::vector<std::string> backups_to_remove(std::vector<std::string> names, std::int64_t now) {
  std::erase_if(names, [](const std::string& name) { return !backup_time(name); });
  std::sort(names.begin(), names.end(), std::greater<>());  // newest first: the names sort by time
  std::vector<std::string> gone;
  std::optional<std::pair<int, std::int64_t>> kept;
  for (const std::string& name : names) {
    const auto period = period_of(*backup_time(name), now);
    const bool is_newest = &name == &names.front();
    const bool stays = is_newest || (period && (period->first == 0 || period != kept));
    if (stays)
      kept = period;
    else
      gone.push_back(name);
  }
  return gone;
}

}  // namespace headrace::meta
