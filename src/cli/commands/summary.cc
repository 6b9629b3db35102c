// SPDX-License-Identifier: Apache-2.0
// headrace summary: the largest parts of a tree (command 1007 of the control protocol).
#include <fmt/format.h>

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

/// Rows in the order of the tree: a directory before what it holds, each below its `parent`. Answers are a few levels
/// deep: the server bounds them.
void add_rows(Table& table, const ordered_json& node, const std::string& parent, int level) {
  constexpr int kDirectory = 2, kLevelsMax = 64;
  std::string path = node.value("Path", std::string());
  if (!path.starts_with('/')) path = parent + path;
  const bool is_directory = node.value("Type", 0) == kDirectory;
  if (is_directory && !path.ends_with('/')) path += '/';
  table.add_row({path, format_size(node.value("Size", std::uint64_t{0})),
                 format_count(node.value("Dirs", std::uint64_t{0})),
                 format_count(node.value("Files", std::uint64_t{0}))});
  if (level >= kLevelsMax) return;
  for (const auto& child : node.value("Children", ordered_json::array())) add_rows(table, child, path, level + 1);
}

Outcome run_summary(Context& context) {
  const auto at = find_mounted(context, context.options.arguments[0]);
  if (!at) return std::unexpected<Failure>(at.error());
  std::string body;
  append_big_endian(body, at->ino);
  body.push_back(static_cast<char>(context.options.number("depth")));
  body.push_back(static_cast<char>(context.options.number("entries")));
  body.push_back(context.options.on("strict") ? 1 : 0);
  Progress progress(context.terminal, context.scheduler.clock(), fmt::format("walking {}", at->path), 0,
                    context.options.on("quiet"));
  const auto answer =
      ask_mount(context, *at, ControlCommand::kSummary, body,
                [&](std::uint64_t files, std::uint64_t bytes) { progress.update(files, format_size(bytes)); });
  if (!answer) return std::unexpected<Failure>(answer.error());
  const ordered_json document = ordered_json::parse(*answer, nullptr, false);
  if (!document.is_object())
    return fail(Exit::kDamaged, fmt::format("the server of {} sent no JSON object", at->mount_point));
  if (const int error = document.value("Errno", 0); error != 0) return fail(at->path, errno_error(error, "summary"));
  const ordered_json tree = document.value("Tree", ordered_json::object());
  if (context.wants_json()) {
    ordered_json printed = new_document("Summary");
    printed["path"] = at->path;
    printed["tree"] = tree;
    print_json(context.terminal, printed);
    return {};
  }
  Table table({"PATH", "SIZE", "DIRS", "FILES"});
  add_rows(table, tree, "", 0);
  context.terminal.out(table.text());
  return {};
}

}  // namespace

Command summary_command() {
  Command command;
  command.name = "summary";
  command.summary = "Show the largest parts of a directory tree";
  command.arguments = {{"PATH", "a directory on a mounted volume"}};
  command.options = {
      {.name = "depth",
       .letter = 'd',
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "How many levels are shown",
       .fallback = "2",
       .most = 10},
      {.name = "entries",
       .letter = 'e',
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "How many entries of each directory",
       .fallback = "10",
       .least = 1,
       .most = 100},
      {.name = "strict", .text = "Count inode by inode, where the server would use its statistics"},
      {.name = "quiet", .letter = 'q', .text = "No progress"},
  };
  command.refused = {{"csv", 0, "use --output json"}};
  command.examples = {{"headrace summary /data --depth 3", "what takes the room"}};
  command.prints = true;
  command.run = [](Context& context) {
    return read_json("the server of the mount", [&context] { return run_summary(context); });
  };
  return command;
}

}  // namespace headrace::cli
