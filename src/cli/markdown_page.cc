// SPDX-License-Identifier: Apache-2.0
// docs/cli.md.
#include <fmt/format.h>

#include "cli/help.h"
#include "cli/pages.h"

namespace headrace::cli {
namespace {

/// Text inside a table's cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string flag_cell(const OptionSpec& spec) {
  const std::string text = flag_text(spec);
  return "`" + cell(text.substr(text.find_first_not_of(' '))) + "`";
}

std::string command_section(const Command& command) {
  std::string out =
      fmt::format("\n## headrace {}\n\n{}.\n\n```\n{}\n```\n", command.name, command.summary, usage_line(command));
  if (!command.description.empty()) out += "\n" + wrapped(command.description, 0, 120) + "\n";
  if (!command.examples.empty()) {
    out += "\n```\n";
    for (const Example& example : command.examples) out += fmt::format("{:<72} # {}\n", example.line, example.text);
    out += "```\n";
  }
  if (!command.arguments.empty()) out += "\n| argument | |\n|---|---|\n";
  for (const ArgumentSpec& spec : command.arguments) out += fmt::format("| `{}` | {} |\n", spec.name, cell(spec.text));
  Command own = command;
  own.prints = false;
  const std::size_t common = all_options(Command{}).size();
  std::vector<OptionSpec> specs = all_options(own);
  specs.resize(specs.size() - common);
  if (!specs.empty()) out += "\n| flag | |\n|---|---|\n";
  for (const OptionSpec& spec : specs) out += fmt::format("| {} | {} |\n", flag_cell(spec), cell(flag_sentence(spec)));
  if (!command.refused.empty()) {
    out += "\nFlags of JuiceFS that are refused by name:\n\n| flag | why |\n|---|---|\n";
    for (const RefusedOption& refused : command.refused)
      out += fmt::format("| `--{}` | {} |\n", refused.name, cell(refused.reason));
  }
  return out;
}

}  // namespace

std::string markdown_page(const Program& program) {
  std::string out =
      "# The command line\n\n"
      "*This page is made from the program's own table: `headrace docs markdown`.*\n\n"
      "| command | |\n|---|---|\n";
  for (const Command& command : program.commands) {
    if (!command.is_hidden) out += fmt::format("| [{0}](#headrace-{0}) | {1} |\n", command.name, cell(command.summary));
  }
  out +=
      "\n## For every command\n\n"
      "A flag's value comes from the first place that names it: the command line, the environment (`--cache-size` is\n"
      "`HEADRACE_CACHE_SIZE`), the file of `--config`, `$XDG_CONFIG_HOME/headrace/config.yaml` (or `~/.config/…`),\n"
      "`/etc/headrace/config.yaml`, its default. A file has a line `flag: value` for each flag, for all commands or "
      "indented below\n"
      "`command:`; a flag that no command has is an error.\n\n"
      "Sizes are binary (`4M`, `4MiB`) unless `MB` is spelled; durations are `10s`, `5m`, `1h`, `2d`, a bare number "
      "counts seconds.\n"
      "Data goes to stdout, messages to stderr. Where a command has `--output json`, the document has `apiVersion` and "
      "`kind`, and\n"
      "members are only ever added. Secrets are not taken on the command line. `META_PASSWORD`, `ACCESS_KEY` and "
      "`SECRET_KEY` are taken\n"
      "out of the environment at the start, so that no other process can read them; metadata and buckets of this "
      "version need none.\n\n"
      "| flag | |\n|---|---|\n";
  Command every;
  every.prints = true;
  for (const OptionSpec& spec : all_options(every))
    out += fmt::format("| {} | {} |\n", flag_cell(spec), cell(flag_sentence(spec)));
  out += "\n`--output` is there where a command prints results; on `mount`, `-o` is a FUSE option.\n";
  out += "\n| exit status | |\n|---|---|\n";
  for (const ExitMeaning& row : exit_meanings())
    out += fmt::format("| {} | {} |\n", static_cast<int>(row.exit), row.meaning);
  for (const Command& command : program.commands) {
    if (!command.is_hidden) out += command_section(command);
  }
  return out;
}

}  // namespace headrace::cli
