// SPDX-License-Identifier: Apache-2.0
#include "cli/stats_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/uri.h"

namespace headrace::cli {
namespace {

using Unit = StatsColumn::Unit;
constexpr int kWidth = 9;

double at(const StatsFrame& frame, std::string_view name) {
  const auto found = frame.find(name);
  return found == frame.end() ? 0 : found->second;
}

/// Two looks and the time between.
struct Span {
  const StatsFrame& before;
  const StatsFrame& after;
  double seconds;

  double grown(std::string_view name) const { return std::max(0.0, at(after, name) - at(before, name)); }
  double rate(std::string_view name) const { return grown(name) / seconds; }
  /// Mean of a histogram's new observations.
  double mean(const std::string& name) const {
    const double count = grown(name + "_total");
    return count > 0 ? grown(name + "_sum") / count : 0;
  }
};

std::string human(Unit unit, double value) {
  switch (unit) {
    case Unit::kBytes: return format_size(static_cast<std::uint64_t>(std::max(0.0, value)));
    case Unit::kPercent: return fmt::format("{:.0f}%", value);
    case Unit::kSeconds:
      return value < 0.001 ? fmt::format("{:.0f}us", value * 1e6)
             : value < 1   ? fmt::format("{:.1f}ms", value * 1e3)
                           : fmt::format("{:.1f}s", value);
    case Unit::kCount: break;
  }
  return value < 100'000 ? fmt::format("{:.0f}", value) : fmt::format("{:.0f}k", value / 1000);
}

}  // namespace

StatsFrame parse_stats(std::string_view text) {
  StatsFrame frame;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::size_t space = line.rfind(' ');
    if (space == std::string_view::npos) continue;
    double value = 0;
    const std::string_view digits = line.substr(space + 1);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || stop != digits.data() + digits.size() || !std::isfinite(value)) continue;
    frame[std::string(line.substr(0, space))] = value;
  }
  return frame;
}

std::vector<StatsColumn> stats_columns() {
  return {
      {"usage", "cpu", "cpuPercent", Unit::kPercent},
      {"usage", "memory", "memoryBytes", Unit::kBytes},
      {"usage", "buffers", "bufferBytes", Unit::kBytes},
      {"usage", "tier", "nodeTierBytes", Unit::kBytes},
      {"fuse", "ops", "fuseOpsPerSecond", Unit::kCount},
      {"fuse", "latency", "fuseOpSeconds", Unit::kSeconds},
      {"fuse", "read", "fuseReadBytesPerSecond", Unit::kBytes},
      {"fuse", "write", "fuseWriteBytesPerSecond", Unit::kBytes},
      {"meta", "commits", "commitsPerSecond", Unit::kCount},
      {"meta", "latency", "commitSeconds", Unit::kSeconds},
      {"blocks", "hits", "blockHitPercent", Unit::kPercent},
      {"object", "get", "objectGetBytesPerSecond", Unit::kBytes},
      {"object", "put", "objectPutBytesPerSecond", Unit::kBytes},
  };
}

std::vector<double> stats_values(const StatsFrame& before, const StatsFrame& after, double seconds) {
  const Span span{before, after, seconds};
  const double hits = span.grown("juicefs_blockcache_hits"), misses = span.grown("juicefs_blockcache_miss");
  return {
      span.rate("juicefs_cpu_usage") * 100,
      at(after, "juicefs_memory"),
      at(after, "juicefs_used_buffer_size_bytes"),
      at(after, "headrace_node_tier_used_bytes"),
      span.rate("juicefs_fuse_ops_durations_histogram_seconds_total"),
      span.mean("juicefs_fuse_ops_durations_histogram_seconds"),
      span.rate("juicefs_fuse_read_size_bytes_sum"),
      span.rate("juicefs_fuse_written_size_bytes_sum"),
      span.rate("juicefs_transaction_durations_histogram_seconds_total"),
      span.mean("juicefs_transaction_durations_histogram_seconds"),
      hits + misses > 0 ? hits / (hits + misses) * 100 : 0,
      span.rate("juicefs_object_request_data_bytes_get"),
      span.rate("juicefs_object_request_data_bytes_put"),
  };
}

std::string stats_header() {
  std::string groups, names;
  std::string_view group;
  for (const StatsColumn& column : stats_columns()) {
    const bool is_new = column.group != group;
    group = column.group;
    groups += fmt::format("{}{:>{}}", is_new && !groups.empty() ? " |" : "", is_new ? group : "", kWidth);
    names += fmt::format("{}{:>{}}", is_new && !names.empty() ? " |" : "", column.header, kWidth);
  }
  return groups + "\n" + names + "\n";
}

std::string stats_line(const std::vector<double>& values) {
  std::string line;
  std::string_view group;
  const std::vector<StatsColumn> columns = stats_columns();
  for (std::size_t i = 0; i < columns.size() && i < values.size(); ++i) {
    const bool is_new = columns[i].group != group;
    group = columns[i].group;
    line += fmt::format("{}{:>{}}", is_new && !line.empty() ? " |" : "", human(columns[i].unit, values[i]), kWidth);
  }
  return line + "\n";
}

}  // namespace headrace::cli
