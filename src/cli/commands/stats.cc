// SPDX-License-Identifier: Apache-2.0
// headrace stats: what a mount does, a line each second.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/mounted_path.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/stats_frame.h"

namespace headrace::cli {
namespace {

constexpr Duration kLookMax = std::chrono::seconds(5);
constexpr std::size_t kStatsBytesMax = 4u << 20;
constexpr std::uint64_t kLinesAHeader = 20;

struct Look {
  StatsFrame frame;
  Moment when{};
};

std::expected<Look, Failure> look(const Context& context, const std::string& mount_point) {
  auto text = read_file(context.within(kLookMax), context.scheduler, mount_point + "/.stats", kStatsBytesMax);
  if (!text && text.code() == Code::kNotFound) {
    text = read_file(context.within(kLookMax), context.scheduler, mount_point + "/.jfs.stats", kStatsBytesMax);
  }
  if (!text) return fail(fmt::format("cannot read the statistics of {}", mount_point), text.error());
  return Look{parse_stats(*text), context.scheduler.clock().now()};
}

void show(Context& context, const std::vector<double>& values, std::uint64_t line) {
  if (!context.wants_json()) {
    context.terminal.out((line % kLinesAHeader == 0 ? stats_header() : std::string()) + stats_line(values));
    return;
  }
  auto document = new_document("Stats");
  document["time"] = format_time(context.scheduler.clock().wall().seconds);
  const std::vector<StatsColumn> columns = stats_columns();
  for (std::size_t i = 0; i < columns.size(); ++i) document[std::string(columns[i].name)] = values[i];
  print_json(context.terminal, document, true);
}

Outcome run_stats(Context& context) {
  const auto at = find_mounted(context, context.options.arguments[0]);
  if (!at) return std::unexpected<Failure>(at.error());
  auto before = look(context, at->mount_point);
  if (!before) return std::unexpected<Failure>(before.error());
  const std::uint64_t count = context.options.number("count");
  for (std::uint64_t line = 0; count == 0 || line < count; ++line) {
    // Ctrl-C is how this command ends.
    if (!pause(context.scheduler, context.scope, context.options.duration("interval"))) return {};
    auto after = look(context, at->mount_point);
    if (!after && context.scope.stop.stop_requested()) return {};
    if (!after) return std::unexpected<Failure>(after.error());
    const double seconds = std::chrono::duration<double>(after->when - before->when).count();
    show(context, stats_values(before->frame, after->frame, seconds), line);
    if (context.terminal.has_failed()) return {};
    before = std::move(after);
  }
  return {};
}

}  // namespace

Command stats_command() {
  Command command;
  command.name = "stats";
  command.summary = "Show what a mount does, a line each second";
  command.arguments = {{"MOUNTPOINT", "a mount, or a path on it"}};
  command.options = {
      {.name = "interval",
       .kind = ValueKind::kDuration,
       .value_name = "TIME",
       .text = "Between two lines",
       .fallback = "1s",
       .least = 100'000'000,
       .most = 3600'000'000'000},
      {.name = "count",
       .letter = 'c',
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "End after so many lines; 0: at Ctrl-C",
       .fallback = "0"},
  };
  command.refused = {{"schema", 0, "all columns are shown"}, {"verbosity", 'l', "all columns are shown"}};
  command.examples = {{"headrace stats /data", "until Ctrl-C"},
                      {"headrace stats /data --count 60 -o json", "a minute, as JSON lines"}};
  command.prints = true;
  command.run = run_stats;
  return command;
}

}  // namespace headrace::cli
