// SPDX-License-Identifier: Apache-2.0
// Completion scripts: commands, their flags, choices of a flag; files everywhere else.
#include <fmt/format.h>

#include <algorithm>

#include "cli/pages.h"

namespace headrace::cli {
namespace {

std::vector<const Command*> listed(const Program& program) {
  std::vector<const Command*> commands;
  for (const Command& command : program.commands) {
    if (!command.is_hidden) commands.push_back(&command);
  }
  return commands;
}

std::string names_of(const Program& program) {
  std::string out;
  for (const Command* command : listed(program)) out += (out.empty() ? "" : " ") + command->name;
  return out;
}

std::string flags_of(const Command& command) {
  std::string out;
  for (const OptionSpec& spec : all_options(command)) out += (out.empty() ? "--" : " --") + spec.name;
  return out;
}

/// Text inside single quotes of a shell.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash(const Program& program) {
  std::string out =
      "# bash completion of headrace; for example: headrace completion bash > /etc/bash_completion.d/headrace\n"
      "_headrace() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n";
  out += fmt::format("    COMPREPLY=($(compgen -W {} -- \"$word\"))\n    return\n  fi\n  case $command$before in\n",
                     shell_quoted(names_of(program)));
  for (const Command* command : listed(program)) {
    for (const OptionSpec& spec : all_options(*command)) {
      if (spec.choices.empty()) continue;
      out += fmt::format("    {}--{}) COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;\n", command->name,
                         spec.name, fmt::join(spec.choices, " "));
    }
  }
  out +=
      "  esac\n  case $word in\n    -*) ;;\n    *) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n  esac\n  case "
      "$command in\n";
  for (const Command* command : listed(program)) {
    out += fmt::format("    {}) COMPREPLY=($(compgen -W '{}' -- \"$word\")) ;;\n", command->name, flags_of(*command));
  }
  return out + "  esac\n}\ncomplete -o filenames -F _headrace headrace\n";
}

/// A description in a specification of zsh's _arguments.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out;
}

std::string zsh(const Program& program) {
  std::string out =
      "#compdef headrace\n"
      "# zsh completion of headrace; for example: headrace completion zsh > \"${fpath[1]}/_headrace\"\n"
      "_headrace() {\n  local -a commands\n  commands=(\n";
  for (const Command* command : listed(program))
    out += fmt::format("    '{}:{}'\n", command->name, zsh_text(command->summary));
  out +=
      "  )\n  if (( CURRENT == 2 )); then\n    _describe 'command' commands\n    return\n  fi\n  case $words[2] in\n";
  for (const Command* command : listed(program)) {
    out += fmt::format("    {}) _arguments", command->name);
    for (const OptionSpec& spec : all_options(*command)) {
      const std::string value = spec.kind == ValueKind::kSwitch ? ""
                                : spec.choices.empty()
                                    ? fmt::format(":{}:_files", zsh_text(spec.value_name))
                                    : fmt::format(":{}:({})", zsh_text(spec.value_name), fmt::join(spec.choices, " "));
      out += fmt::format(" \\\n        '{}--{}[{}]{}'", spec.repeats ? "*" : "", spec.name, zsh_text(spec.text), value);
    }
    out += " \\\n        '*:file:_files' ;;\n";
  }
  return out + "  esac\n}\n_headrace \"$@\"\n";
}

std::string fish(const Program& program) {
  std::string out =
      "# fish completion of headrace; for example: headrace completion fish > "
      "~/.config/fish/completions/headrace.fish\n";
  for (const Command* command : listed(program)) {
    out += fmt::format("complete -c headrace -n __fish_use_subcommand -f -a {} -d {}\n", command->name,
                       shell_quoted(command->summary));
    for (const OptionSpec& spec : all_options(*command)) {
      out += fmt::format("complete -c headrace -n '__fish_seen_subcommand_from {}' -l {}", command->name, spec.name);
      if (spec.letter != 0) out += fmt::format(" -s {}", spec.letter);
      if (spec.kind != ValueKind::kSwitch) out += " -r";
      if (!spec.choices.empty()) out += fmt::format(" -f -a '{}'", fmt::join(spec.choices, " "));
      out += fmt::format(" -d {}\n", shell_quoted(spec.text));
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const Program& program, std::string_view shell) {
  if (shell == "zsh") return zsh(program);
  if (shell == "fish") return fish(program);
  return bash(program);
}

}  // namespace headrace::cli
