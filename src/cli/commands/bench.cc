// SPDX-License-Identifier: Apache-2.0
// headrace bench: how quick a folder is, and how near that comes to what this machine can do.
#include <fmt/format.h>
#include <sys/statfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include <linux/magic.h>

#include <nlohmann/json.hpp>

#include "base/uri.h"
#include "cli/bench_run.h"
#include "cli/commands/commands.h"
#include "cli/output.h"

namespace headrace::cli {
namespace {

constexpr std::uint64_t kMiB = 1ull << 20;
constexpr std::string_view kTmpfs = "/dev/shm";

/// Room in a tmpfs that this user may write to; 0: there is none.
std::uint64_t tmpfs_room() {
  struct statfs info;
  if (statfs(kTmpfs.data(), &info) != 0 || info.f_type != TMPFS_MAGIC || access(kTmpfs.data(), W_OK) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_bavail) * static_cast<std::uint64_t>(info.f_bsize);
}

/// The same measurements on a tmpfs, with a smaller big file where room is short.
std::optional<BenchResult> machine_limit(Context& context, BenchSettings settings) {
  const std::uint64_t room = tmpfs_room() / 2 / settings.threads, small = settings.small_bytes * settings.small_count;
  if (room <= small) return std::nullopt;
  settings.folder = fmt::format("{}/headrace-bench-{}", kTmpfs, getpid());
  if (settings.big_bytes > 0) settings.big_bytes = std::min({settings.big_bytes, 256 * kMiB, room - small});
  const auto limit = run_bench(context.scope, context.scheduler, settings, [](const std::string&) {});
  if (!limit) {
    context.log.warn("the limit of this machine could not be measured", {{"err", limit.error().text()}});
    return std::nullopt;
  }
  return *limit;
}

std::string value_text(const BenchItem& item) {
  return item.is_bytes ? fmt::format("{:.1f} MiB/s", item.per_second / static_cast<double>(kMiB))
                       : fmt::format("{:.0f} /s", item.per_second);
}
std::string cost_text(const BenchItem& item) {
  return item.seconds_each >= 1 ? fmt::format("{:.2f} s", item.seconds_each)
                                : fmt::format("{:.3f} ms", item.seconds_each * 1000);
}

void print(Context& context, const BenchSettings& settings, const BenchResult& result,
           const std::optional<BenchResult>& limit, double copy_rate) {
  if (context.wants_json()) {
    auto document = new_document("Bench");
    document["threads"] = settings.threads;
    document["bigFileBytes"] = settings.big_bytes;
    document["smallFileBytes"] = settings.small_bytes;
    document["smallFiles"] = settings.small_count;
    document["verifiedBytes"] = result.verified_bytes;
    document["memoryCopyBytesPerSecond"] = copy_rate;
    document["items"] = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < result.items.size(); ++i) {
      const BenchItem& item = result.items[i];
      nlohmann::ordered_json row{{"name", item.name},
                                 {"unit", item.is_bytes ? "bytes/s" : "operations/s"},
                                 {"perSecond", item.per_second},
                                 {"secondsEach", item.seconds_each}};
      if (limit) {
        row["limitPerSecond"] = limit->items[i].per_second;
        row["ratio"] = item.per_second / limit->items[i].per_second;
      }
      document["items"].push_back(std::move(row));
    }
    return print_json(context.terminal, document);
  }
  Table table({"ITEM", "VALUE", "COST", "TMPFS HERE", "RATIO"});
  for (std::size_t i = 0; i < result.items.size(); ++i) {
    const BenchItem& item = result.items[i];
    table.add_row({item.name, value_text(item), cost_text(item), limit ? value_text(limit->items[i]) : "",
                   limit ? fmt::format("{:.2f}", item.per_second / limit->items[i].per_second) : ""});
  }
  context.terminal.out(table.text() +
                       fmt::format("{} threads, {} read and compared; copying memory here: {:.1f} GiB/s a thread\n",
                                   settings.threads, format_size(result.verified_bytes),
                                   copy_rate / static_cast<double>(1024 * kMiB)));
}

Outcome run(Context& context) {
  const Options& options = context.options;
  BenchSettings settings;
  settings.folder = fmt::format("{}/headrace-bench-{}", options.arguments[0], getpid());
  settings.threads = static_cast<unsigned>(options.number("threads"));
  settings.big_bytes = options.size("big-file-size");
  settings.block_bytes = options.size("block-size");
  settings.small_bytes = options.size("small-file-size");
  settings.small_count = options.number("small-file-count");
  const bool is_quiet = options.on("quiet");
  const auto limit = machine_limit(context, settings);
  const double copy_rate = memory_copy_rate(context.scheduler.clock());
  const auto result = run_bench(context.scope, context.scheduler, settings, [&](const std::string& name) {
    if (!is_quiet && context.terminal.err_is_tty()) context.terminal.err(fmt::format("\r\x1b[K{} ...", name));
  });
  if (!is_quiet && context.terminal.err_is_tty()) context.terminal.err("\r\x1b[K");
  if (!result) return fail(fmt::format("the measurement in {} failed", options.arguments[0]), result.error());
  print(context, settings, *result, limit, copy_rate);
  return {};
}

}  // namespace

Command bench_command() {
  Command command;
  command.name = "bench";
  command.summary = "Measure a folder: large and small files written, read, stat";
  command.description =
      "Every byte that is read is compared with what was written. Reads find whatever caches writing left; the second "
      "ones find what the "
      "first left. Beside each value stands the same measurement on this machine's tmpfs, made just before.";
  command.arguments = {{"PATH", "a folder, usually on a mounted volume"}};
  command.options = {
      {.name = "big-file-size",
       .kind = ValueKind::kSize,
       .value_name = "SIZE",
       .text = "Of each big file; 0: none",
       .fallback = "1GiB",
       .bare_unit = kMiB},
      {.name = "block-size",
       .kind = ValueKind::kSize,
       .value_name = "SIZE",
       .text = "Of each read and write of a big file",
       .fallback = "1MiB",
       .bare_unit = kMiB,
       .least = 4096,
       .most = 64 * kMiB},
      {.name = "small-file-size",
       .kind = ValueKind::kSize,
       .value_name = "SIZE",
       .text = "Of each small file",
       .fallback = "128KiB",
       .bare_unit = 1024,
       .least = 1,
       .most = 64 * kMiB},
      {.name = "small-file-count",
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "Small files of each thread; 0: none",
       .fallback = "100",
       .most = 1'000'000},
      {.name = "threads",
       .letter = 'p',
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "Threads, each with files of its own",
       .fallback = "1",
       .least = 1,
       .most = 256},
      {.name = "quiet", .letter = 'q', .text = "Do not say what is being measured"},
  };
  command.examples = {{"headrace bench /data -p 4", "four threads"}};
  command.prints = true;
  command.run = run;
  return command;
}

}  // namespace headrace::cli
