// SPDX-License-Identifier: Apache-2.0
// man(7) text.
#include "cli/pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/help.h"

namespace headrace::cli {
namespace {

/// Text as roff shows it: dashes that can be copied, no command at the start of a line.
std::string roff(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    at_start = c == '\n';
  }
  return out;
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string header(const std::string& name, const Program& program, std::string_view summary) {
  return fmt::format(".TH {} 1 \"\" \"headrace {}\" \"Headrace\"\n.SH NAME\n{} \\- {}\n", upper(roff(name)),
                     program.version, roff(name), roff(summary));
}

std::string exit_section() {
  std::string out = ".SH EXIT STATUS\n";
  for (const ExitMeaning& row : exit_meanings()) {
    out += fmt::format(".TP\n.B {}\n{}\n", static_cast<int>(row.exit), roff(row.meaning));
  }
  return out;
}

std::string command_page(const Program& program, const Command& command) {
  std::string out = header("headrace-" + command.name, program, command.summary);
  out += fmt::format(".SH SYNOPSIS\n.B {}\n", roff(usage_line(command)));
  if (!command.description.empty()) out += fmt::format(".SH DESCRIPTION\n{}\n", roff(command.description));
  if (!command.arguments.empty()) out += ".SH ARGUMENTS\n";
  for (const ArgumentSpec& spec : command.arguments)
    out += fmt::format(".TP\n.I {}\n{}\n", roff(spec.name), roff(spec.text));
  out += ".SH OPTIONS\n";
  for (const OptionSpec& spec : all_options(command)) {
    const std::string flag = flag_text(spec);
    out += fmt::format(".TP\n.B {}\n{}\n", roff(flag.substr(flag.find_first_not_of(' '))), roff(flag_sentence(spec)));
  }
  if (!command.examples.empty()) out += ".SH EXAMPLES\n";
  for (const Example& example : command.examples) {
    out += fmt::format(".TP\n.B {}\n{}\n", roff(example.line), roff(example.text));
  }
  return out + exit_section() + ".SH SEE ALSO\n.BR headrace (1)\n";
}

std::string main_page(const Program& program) {
  std::string out = header("headrace", program, "a bucket as a fast file system in RAM");
  out += ".SH SYNOPSIS\n.B headrace\n.I COMMAND\n[\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n.SH COMMANDS\n";
  for (const Command& command : program.commands) {
    if (command.is_hidden) continue;
    out += fmt::format(".TP\n.BR headrace\\-{} (1)\n{}\n", roff(command.name), roff(command.summary));
  }
  out += ".SH FILES\n.TP\n.I ~/.config/headrace/config.yaml\n.TQ\n.I /etc/headrace/config.yaml\n";
  out += roff(
             "Flags without dashes, \"flag: value\" a line, for every command or indented below a command's name. The "
             "command "
             "line comes first, then the environment, then the file of --config, then these two.") +
         "\n";
  out += ".SH ENVIRONMENT\n.TP\n.B HEADRACE_*\n";
  out += roff("Every flag: --cache-size is HEADRACE_CACHE_SIZE.") + "\n";
  out += ".TP\n.B META_PASSWORD, ACCESS_KEY, SECRET_KEY\n";
  out += roff(
             "Secrets. They are taken out of the environment at the start; metadata and buckets of this version need "
             "none.") +
         "\n";
  out += ".TP\n.B NO_COLOR\n" + roff("Set: no colours.") + "\n";
  return out + exit_section();
}

}  // namespace

std::vector<ManPage> man_pages(const Program& program) {
  std::vector<ManPage> pages{{"headrace.1", main_page(program)}};
  for (const Command& command : program.commands) {
    if (!command.is_hidden)
      pages.push_back({fmt::format("headrace-{}.1", command.name), command_page(program, command)});
  }
  return pages;
}

}  // namespace headrace::cli
