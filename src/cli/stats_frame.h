// SPDX-License-Identifier: Apache-2.0
// One look at a mount's `.stats` file, and what two looks say of the time between them: the columns of `headrace
// stats`.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::cli {

/// "name value" lines; others are left out.
using StatsFrame = std::map<std::string, double, std::less<>>;
StatsFrame parse_stats(std::string_view text);

/// One value of a line: its name in JSON, the header of its column, and how a person reads it.
struct StatsColumn {
  std::string_view group;   // "fuse": the header above it
  std::string_view header;  // "read"
  std::string_view name;    // "fuseReadBytesPerSecond"
  enum class Unit { kCount, kBytes, kSeconds, kPercent } unit = Unit::kCount;
};
std::vector<StatsColumn> stats_columns();

/// The values of the columns, in their order. `seconds`: between the looks, above 0. Counters that went back (a new
/// server) count as 0.
std::vector<double> stats_values(const StatsFrame& before, const StatsFrame& after, double seconds);

/// The two header lines, and the line of one look, columns aligned.
std::string stats_header();
std::string stats_line(const std::vector<double>& values);

}  // namespace headrace::cli
