// SPDX-License-Identifier: Apache-2.0
// Drawing, at most ten times a second on a screen.
#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/uri.h"
#include "cli/output.h"

namespace headrace::cli {
namespace {

constexpr Duration kRedraw = std::chrono::milliseconds(100);
constexpr Duration kLine = std::chrono::seconds(10);
constexpr int kBarWidth = 24;

std::string bar(std::uint64_t done, std::uint64_t total) {
  const auto filled = static_cast<int>(std::min<std::uint64_t>(done, total) * kBarWidth / total);
  return fmt::format("[{:#<{}}{:-<{}}]", "", filled, "", kBarWidth - filled);
}

}  // namespace

Progress::Progress(Terminal& terminal, const Clock& clock, std::string what, std::uint64_t total, bool is_quiet)
    : terminal_(terminal),
      clock_(clock),
      what_(std::move(what)),
      is_quiet_(is_quiet),
      began_(clock.now()),
      total_(total),
      drawn_(began_) {}

Progress::~Progress() {
  MutexLock lock(mutex_);
  if (is_drawn_ && terminal_.err_is_tty() && !is_finished_) terminal_.err("\n");
}

void Progress::set_total(std::uint64_t total) {
  MutexLock lock(mutex_);
  total_ = total;
}

void Progress::update(std::uint64_t done, const std::string& note) {
  MutexLock lock(mutex_);
  done_ = done;
  note_ = note;
  const Duration since = clock_.now() - drawn_;
  if (since >= (terminal_.err_is_tty() ? kRedraw : kLine)) draw(false);
}

void Progress::finish() {
  MutexLock lock(mutex_);
  if (is_finished_) return;
  is_finished_ = true;
  draw(true);
}

std::string Progress::line() const {
  const Duration elapsed = clock_.now() - began_;
  std::string out = what_ + ": ";
  if (total_ > 0 && !is_finished_) {
    out += fmt::format("{} {} of {}", bar(done_, total_), format_count(done_), format_count(total_));
  } else {
    out += format_count(done_);
  }
  if (!note_.empty()) out += ", " + note_;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (seconds >= 1)
    out += fmt::format(", {}/s", format_count(static_cast<std::uint64_t>(static_cast<double>(done_) / seconds)));
  return out + ", " + format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(elapsed));
}

void Progress::draw(bool is_last) {
  if (is_quiet_) return;
  drawn_ = clock_.now();
  std::string text = line();
  if (!terminal_.err_is_tty()) return terminal_.err(text + "\n");
  const auto columns = static_cast<std::size_t>(terminal_.err_columns() - 1);
  if (text.size() > columns) text.resize(columns);
  terminal_.err("\r\x1b[K" + text + (is_last ? "\n" : ""));
  is_drawn_ = true;
}

}  // namespace headrace::cli
