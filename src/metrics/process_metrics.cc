// SPDX-License-Identifier: Apache-2.0
// proc(5): /proc/self/stat, statm and fd.
#include "metrics/process_metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/fd.h"

namespace headrace::metrics {
namespace {

Result<std::string> read_small_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return errno_error(errno, path);
  std::array<char, 4096> buffer;
  TRY(const std::size_t size, pread_full(fd.get(), std::as_writable_bytes(std::span(buffer)), 0));
  return std::string(buffer.data(), size);
}

/// The n-th number, from 0, of a text with one space between fields.
std::optional<std::uint64_t> field(std::string_view text, int n) {
  for (; n > 0; --n) {
    const std::size_t space = text.find(' ');
    if (space == text.npos) return std::nullopt;
    text.remove_prefix(space + 1);
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

Result<std::uint64_t> count_entries(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return errno_error(errno, path);
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(directory);
  return count > 0 ? count - 1 : 0;  // without the one that reads
}

}  // namespace

Result<ProcessNumbers> read_process_numbers(const std::string& proc) {
  const std::string self = proc + "/self/";
  TRY(const std::string stat, read_small_file(self + "stat"));
  TRY(const std::string statm, read_small_file(self + "statm"));
  ProcessNumbers numbers;
  TRY(numbers.open_fds, count_entries(self + "fd"));
  // The second field is the program's name in parentheses, which may hold anything: count from behind it.
  const std::size_t name_end = stat.rfind(") ");
  const std::string_view fields =
      name_end == stat.npos ? std::string_view() : std::string_view(stat).substr(name_end + 2);
  const std::optional<std::uint64_t> user = field(fields, 11), system = field(fields, 12), threads = field(fields, 17);
  const std::optional<std::uint64_t> pages = field(statm, 1);
  if (!user || !system || !threads || !pages) return Error(Code::kDamaged, self + "stat: not as expected");
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  numbers.cpu_time = Duration(static_cast<std::int64_t>((*user + *system) * (1'000'000'000 / ticks)));
  numbers.threads = *threads;
  numbers.resident_bytes = *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return numbers;
}

ProcessMetrics::ProcessMetrics(Registry& registry, const Clock& clock, std::string_view version) {
  const auto number = [](auto take) {
    return [take]() -> double {
      const Result<ProcessNumbers> numbers = read_process_numbers();
      return numbers ? take(*numbers) : std::nan("");
    };
  };
  const Moment start = clock.now();
  readings_.push_back(registry.gauge_from(
      "juicefs_uptime", [&clock, start] { return std::chrono::duration<double>(clock.now() - start).count(); }));
  readings_.push_back(registry.gauge_from(
      "juicefs_memory", number([](const ProcessNumbers& n) { return static_cast<double>(n.resident_bytes); })));
  readings_.push_back(registry.counter_from("juicefs_cpu_usage", number([](const ProcessNumbers& n) {
                                              return std::chrono::duration<double>(n.cpu_time).count();
                                            })));
  readings_.push_back(registry.gauge_from(
      "headrace_process_open_fds", number([](const ProcessNumbers& n) { return static_cast<double>(n.open_fds); })));
  readings_.push_back(registry.gauge_from(
      "headrace_process_threads", number([](const ProcessNumbers& n) { return static_cast<double>(n.threads); })));
  readings_.push_back(registry.gauge_from("headrace_build_info", [] { return 1.0; }, version));
}

}  // namespace headrace::metrics
