// SPDX-License-Identifier: Apache-2.0
// Help texts.
#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/uri.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kFlagColumn = 32;

void add_flags(std::string& out, const std::vector<OptionSpec>& specs) {
  for (const OptionSpec& spec : specs) {
    std::string left = "  " + flag_text(spec);
    if (left.size() + 2 > kFlagColumn) {
      out += left + "\n" + std::string(kFlagColumn, ' ');
    } else {
      left.resize(kFlagColumn, ' ');
      out += left;
    }
    out += wrapped(flag_sentence(spec), kFlagColumn, kColumns) + "\n";
  }
}

std::string bound(const OptionSpec& spec, std::uint64_t value) {
  if (spec.kind == ValueKind::kSize) return format_size(value);
  if (spec.kind == ValueKind::kDuration) return format_duration(Duration(static_cast<std::int64_t>(value)));
  return std::to_string(value);
}

}  // namespace

std::string first_screen() {
  return R"(Headrace: your bucket as a fast file system in RAM.

  headrace format sqlite3:///var/lib/data.db data    make a volume: names in SQLite, bytes in a bucket
  headrace mount sqlite3:///var/lib/data.db /data -d mount it, also a volume that JuiceFS made
  headrace warmup /data/train                        bring files into RAM ahead of use
  headrace info /data/train/part-0                   where a file's bytes are, and how it is served
  headrace status                                    what is mounted here

  headrace help            all commands              headrace help COMMAND   one of them
  headrace doctor          what this machine can do
)";
}

std::string list_of_commands(const Program& program) {
  std::size_t width = 0;
  for (const Command& command : program.commands) width = std::max(width, command.name.size());
  std::string out = "usage: headrace COMMAND [FLAGS] [ARGUMENTS]\n\n";
  for (const Command& command : program.commands) {
    if (!command.is_hidden) out += fmt::format("  {:<{}}  {}\n", command.name, width, command.summary);
  }
  out += "\n";
  out += wrapped(
      "Every flag can also stand in the environment (--cache-size as HEADRACE_CACHE_SIZE) or in a file (--config, "
      "~/.config/headrace/config.yaml, /etc/headrace/config.yaml). The command line comes first.",
      0, kColumns);
  return out + "\n\n  headrace help COMMAND    headrace COMMAND --help    headrace --version\n";
}

std::string usage_line(const Command& command) {
  std::string out = fmt::format("headrace {} [FLAGS]", command.name);
  for (const ArgumentSpec& spec : command.arguments) {
    const std::string word = spec.name + (spec.repeats ? "..." : "");
    out += spec.is_required ? " " + word : " [" + word + "]";
  }
  return out;
}

std::string flag_text(const OptionSpec& spec) {
  std::string out = spec.letter != 0 ? fmt::format("-{}, --{}", spec.letter, spec.name) : "    --" + spec.name;
  if (spec.kind != ValueKind::kSwitch) out += " " + spec.value_name;
  return out;
}

std::string flag_sentence(const OptionSpec& spec) {
  std::vector<std::string> notes;
  if (spec.kind == ValueKind::kChoice) notes.push_back(fmt::format("{}", fmt::join(spec.choices, ", ")));
  if (spec.least && spec.most) {
    notes.push_back(fmt::format("{} to {}", bound(spec, *spec.least), bound(spec, *spec.most)));
  } else if (spec.least) {
    notes.push_back("at least " + bound(spec, *spec.least));
  } else if (spec.most) {
    notes.push_back("at most " + bound(spec, *spec.most));
  }
  if (spec.zero_is_off) notes.push_back("0 for none");
  if (spec.kind == ValueKind::kSize && spec.bare_unit > 1)
    notes.push_back("a bare number counts " + format_size(spec.bare_unit));
  if (spec.repeats) notes.emplace_back("may be given more than once");
  if (spec.only_flag) notes.emplace_back("only on the command line");
  const std::string fallback = spec.fallback_text.empty() ? spec.fallback : spec.fallback_text;
  if (!fallback.empty() && spec.kind != ValueKind::kSwitch) notes.push_back("default: " + fallback);
  if (spec.kind == ValueKind::kSwitch && spec.fallback == "true")
    notes.push_back(fmt::format("default: on; off with --no-{}", spec.name));
  return notes.empty() ? spec.text : fmt::format("{} ({})", spec.text, fmt::join(notes, "; "));
}

std::string wrapped(const std::string& text, std::size_t indent, std::size_t columns) {
  std::string out, line;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find(' ');
    const std::string_view word = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (!line.empty() && indent + line.size() + 1 + word.size() > columns) {
      out += line + "\n" + std::string(indent, ' ');
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  return out + line;
}

std::string help_text(const Command& command) {
  std::string out = fmt::format("headrace {}: {}\n\n", command.name, command.summary);
  for (const Example& example : command.examples) {
    out += fmt::format("  {}\n      {}\n", example.line, example.text);
  }
  if (!command.examples.empty()) out += "\n";
  out += "usage: " + usage_line(command) + "\n";
  for (const ArgumentSpec& spec : command.arguments) {
    out += fmt::format("  {:<{}}{}\n", spec.name, kFlagColumn - 2, wrapped(spec.text, kFlagColumn, kColumns));
  }
  if (!command.description.empty()) out += "\n" + wrapped(command.description, 0, kColumns) + "\n";
  out += "\nflags:\n";
  add_flags(out, all_options(command));
  return out;
}

}  // namespace headrace::cli
