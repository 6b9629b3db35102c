// SPDX-License-Identifier: Apache-2.0
// headrace info: what the volume knows of a file, where its bytes are, and how the kernel serves it (command 1005 of
// the control protocol; the member "Place" is ours).
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

using nlohmann::json;
using nlohmann::ordered_json;

std::expected<ordered_json, Failure> ask_info(const Context& context, const MountedPath& at, Progress& progress) {
  std::string body;
  append_big_endian(body, at.ino);
  body.push_back(context.options.on("recursive") ? 1 : 0);
  body.push_back(0);  // objects, not raw slices
  body.push_back(context.options.on("strict") ? 1 : 0);
  auto answer = ask_mount(context, at, ControlCommand::kInfo, body, [&](std::uint64_t files, std::uint64_t bytes) {
    progress.update(files, format_size(bytes));
  });
  if (!answer) return std::unexpected<Failure>(answer.error());
  ordered_json document = ordered_json::parse(*answer, nullptr, false);
  if (!document.is_object())
    return fail(Exit::kDamaged, fmt::format("the server of {} sent no JSON object", at.mount_point));
  if (document.value("Failed", false)) {
    return fail(Exit::kFailed, fmt::format("{}: {}", at.path, document.value("Reason", std::string("failed"))));
  }
  return document;
}

std::string place_text(const ordered_json& place) {
  const auto present = place.value("PresentBytes", std::uint64_t{0}), length = place.value("Length", std::uint64_t{0});
  if (place.value("IsWhole", false)) return "whole";
  return present == 0 ? "nothing" : fmt::format("{} of {}", format_size(present), format_size(length));
}

std::string handles_text(const ordered_json& place) {
  std::string out;
  const auto add = [&](const char* member, std::string_view name) {
    const auto count = place.value(member, std::uint64_t{0});
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, name);
  };
  add("PassHandles", "passthrough");
  add("CachedHandles", "cached");
  add("DirectHandles", "direct");
  add("Writers", "writing");
  return out.empty() ? "nobody" : out;
}

std::string text_of(const MountedPath& at, const ordered_json& info) {
  Fields fields;
  const ordered_json sums = info.value("Summary", ordered_json::object());
  const auto number = [&sums](const char* member) { return sums.value(member, std::uint64_t{0}); };
  fields.add("Inode", std::to_string(info.value("Ino", at.ino)));
  fields.add("Files", format_count(number("Files")));
  fields.add("Directories", format_count(number("Dirs")));
  fields.add("Length", fmt::format("{} ({} bytes)", format_size(number("Length")), format_count(number("Length"))));
  fields.add("Size", fmt::format("{} ({} bytes)", format_size(number("Size")), format_count(number("Size"))));
  for (const auto& path : info.value("Paths", ordered_json::array())) {
    if (path.is_string()) fields.add("Path", path.get<std::string>());
  }
  if (const auto place = info.find("Place"); place != info.end() && place->is_object()) {
    fields.add("On this node", place_text(*place));
    fields.add("Open by", handles_text(*place));
    if (const auto waiting = place->value("UnflushedBytes", std::uint64_t{0}); waiting > 0) {
      fields.add("Not yet stored", format_size(waiting));
    }
    const std::string why = place->value("WhyNotPassthrough", std::string());
    fields.add("Next open", why.empty() ? "passthrough" : "no passthrough: " + why);
  }
  std::string out = printable(at.path) + "\n" + fields.text();
  const ordered_json objects = info.value("Objects", ordered_json::array());
  if (objects.empty()) return out;
  Table table({"CHUNK", "OBJECT", "SIZE", "OFFSET", "LENGTH"});
  for (const auto& object : objects) {
    const std::string key = object.value("Key", std::string());
    table.add_row({std::to_string(object.value("ChunkIndex", std::uint64_t{0})), key.empty() ? "(hole)" : key,
                   std::to_string(object.value("Size", std::uint64_t{0})),
                   std::to_string(object.value("Off", std::uint64_t{0})),
                   std::to_string(object.value("Len", std::uint64_t{0}))});
  }
  return out + table.text();
}

Outcome run_info(Context& context) {
  ordered_json items = ordered_json::array();
  bool is_first = true;
  for (const std::string& path : context.options.arguments) {
    const auto at = find_mounted(context, path);
    if (!at) return std::unexpected<Failure>(at.error());
    Progress progress(context.terminal, context.scheduler.clock(), fmt::format("walking {}", at->path), 0,
                      context.options.on("quiet"));
    auto info = ask_info(context, *at, progress);
    if (!info) return std::unexpected<Failure>(info.error());
    if (context.wants_json()) {
      ordered_json item{{"path", at->path}};
      item.update(*info);
      items.push_back(std::move(item));
    } else {
      context.terminal.out((is_first ? "" : "\n") + text_of(*at, *info));
    }
    is_first = false;
  }
  if (context.wants_json()) {
    ordered_json document = new_document("Info");
    document["items"] = std::move(items);
    print_json(context.terminal, document);
  }
  return {};
}

}  // namespace

Command info_command() {
  Command command;
  command.name = "info";
  command.summary = "Show where a file's bytes are, and how it is served";
  command.arguments = {{"PATH", "a file or directory on a mounted volume", true, true}};
  command.options = {
      {.name = "recursive", .letter = 'r', .text = "Of a directory: sum up the whole tree below it"},
      {.name = "strict", .text = "Count inode by inode, where the server would use its statistics"},
      {.name = "quiet", .letter = 'q', .text = "No progress"},
  };
  command.refused = {
      {"inode", 'i', "name a path"},
      {"raw", 0, "objects are shown as they lie in the bucket"},
  };
  command.examples = {
      {"headrace info /data/train/part-0", "objects, what is on this node, why (not) passthrough"},
      {"headrace info -r /data/train -o json", "how much lies below a directory"},
  };
  command.prints = true;
  command.run = [](Context& context) {
    return read_json("the server of the mount", [&context] { return run_info(context); });
  };
  return command;
}

}  // namespace headrace::cli
