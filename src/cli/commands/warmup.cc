// SPDX-License-Identifier: Apache-2.0
// headrace warmup: brings files into this node ahead of use (command 1004 of the control protocol).
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/uri.h"
#include "cli/commands/commands.h"
#include "cli/mounted_path.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace headrace::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kPathsAtOnce = 10'000;

struct Warmed {
  std::uint64_t files = 0, bytes = 0, missing_bytes = 0;
};

/// Paths of one mount, as its server knows them.
struct Batch {
  MountedPath at;
  std::vector<std::string> paths;
};

std::string request_body(const Context& context, const std::vector<std::string>& paths) {
  std::string joined;
  for (const std::string& path : paths) joined += (joined.empty() ? "" : "\n") + path;
  std::string body;
  append_big_endian(body, static_cast<std::uint32_t>(joined.size()));
  body += joined;
  append_big_endian(body, static_cast<std::uint16_t>(context.options.number("threads")));
  body.push_back(context.options.on("background") ? 1 : 0);
  body.push_back(context.options.on("evict") ? 1 : context.options.on("check") ? 2 : 0);
  return body;
}

Outcome warm(const Context& context, const Batch& batch, Progress& progress, Warmed& warmed) {
  const Warmed before = warmed;
  const auto answer = ask_mount(context, batch.at, ControlCommand::kFillCache, request_body(context, batch.paths),
                                [&](std::uint64_t files, std::uint64_t bytes) {
                                  progress.update(before.files + files, format_size(before.bytes + bytes));
                                });
  if (!answer) return std::unexpected<Failure>(answer.error());
  if (answer->empty()) return {};  // in the background
  const ordered_json document = ordered_json::parse(*answer, nullptr, false);
  if (!document.is_object())
    return fail(Exit::kDamaged, fmt::format("the server of {} sent no JSON object", batch.at.mount_point));
  warmed.files += document.value("FileCount", std::uint64_t{0});
  warmed.bytes += document.value("TotalBytes", std::uint64_t{0});
  warmed.missing_bytes += document.value("MissBytes", std::uint64_t{0});
  return {};
}

Outcome run_warmup(Context& context) {
  if (context.options.on("evict") && context.options.on("check"))
    return fail(Exit::kUsage, "--evict and --check cannot both be");
  std::map<std::string, Batch> batches;
  for (const std::string& path : context.options.arguments) {
    const auto at = find_mounted(context, path);
    if (!at) return std::unexpected<Failure>(at.error());
    if (at->path.find('\n') != std::string::npos)
      return fail(Exit::kUsage, "a path with a newline cannot be asked for; name its directory");
    Batch& batch = batches[at->mount_point];
    batch.at = *at;
    batch.paths.push_back(at->in_volume);
  }
  const std::string doing = context.options.on("check")   ? "looking"
                            : context.options.on("evict") ? "evicting"
                                                          : "warming up";
  Progress progress(context.terminal, context.scheduler.clock(), doing, 0, context.options.on("quiet"));
  Warmed warmed;
  for (auto& [mount_point, batch] : batches) {
    const std::vector<std::string> all = std::move(batch.paths);
    for (std::size_t from = 0; from < all.size(); from += kPathsAtOnce) {
      batch.paths.assign(all.begin() + static_cast<std::ptrdiff_t>(from),
                         all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), from + kPathsAtOnce)));
      if (Outcome done = warm(context, batch, progress, warmed); !done) return done;
    }
  }
  if (context.wants_json()) {
    ordered_json document = new_document("Warmup");
    document["files"] = warmed.files;
    document["bytes"] = warmed.bytes;
    document["missingBytes"] = warmed.missing_bytes;
    print_json(context.terminal, document);
    return {};
  }
  if (context.options.on("background")) {
    context.terminal.out("the server goes on in the background\n");
    return {};
  }
  std::string line = fmt::format("{} files, {}", format_count(warmed.files), format_size(warmed.bytes));
  if (warmed.missing_bytes > 0) line += fmt::format(", {} of it not on this node", format_size(warmed.missing_bytes));
  context.terminal.out(line + "\n");
  return {};
}

}  // namespace

Command warmup_command() {
  Command command;
  command.name = "warmup";
  command.summary = "Bring files into this node's RAM ahead of use";
  command.arguments = {{"PATH", "files and directories on a mounted volume", true, true}};
  command.options = {
      {.name = "threads",
       .letter = 'p',
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "How many files at a time",
       .fallback = "50",
       .least = 1,
       .most = 1000},
      {.name = "background", .letter = 'b', .text = "Return at once; the server goes on"},
      {.name = "check", .text = "Only say how much of it is here"},
      {.name = "evict",
       .text = "Give up what this node holds of them instead; a copy that the kernel serves just now stays until it is "
               "closed"},
      {.name = "quiet", .letter = 'q', .text = "No progress"},
  };
  command.refused = {{"file", 'f', "use xargs: xargs -d '\\n' headrace warmup < FILE"}};
  command.examples = {{"headrace warmup /data/train", "before the first epoch"},
                      {"headrace warmup --check /data/train", "how warm is it"},
                      {"headrace warmup --evict /data/old", "make room"}};
  command.prints = true;
  command.run = [](Context& context) {
    return read_json("the server of the mount", [&context] { return run_warmup(context); });
  };
  return command;
}

}  // namespace headrace::cli
