// SPDX-License-Identifier: Apache-2.0
// From the program's words to an exit status: find the command, resolve its flags, run it, say how it ended.
#include "cli/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "cli/config_file.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/suggest.h"

namespace headrace::cli {
namespace {

void complain(Terminal& terminal, const Failure& failure) {
  terminal.err(fmt::format("{} {}\n", terminal.on_err(Colour::kRed, "error:"), printable(redacted(failure.what))));
  if (!failure.hint.empty()) terminal.err(fmt::format("hint:  {}\n", printable(redacted(failure.hint))));
}

int exit_status(Terminal& terminal, const Outcome& outcome) {
  if (!outcome) {
    complain(terminal, outcome.error());
    return static_cast<int>(outcome.error().exit);
  }
  if (terminal.has_failed()) {
    complain(terminal, Failure(Exit::kFailed, "the output could not be written"));
    return static_cast<int>(Exit::kFailed);
  }
  return 0;
}

Failure unknown_command(const Program& program, const std::string& word) {
  std::vector<std::string> names;
  for (const Command& command : program.commands) names.push_back(command.name);
  const auto near = nearest(word, names);
  return {Exit::kUsage, fmt::format("there is no command '{}'", word),
          near ? fmt::format("did you mean headrace {}?", *near) : "headrace help lists the commands"};
}

/// Every flag name of the program, so that a mistyped key of a file is found.
Outcome check_config(const Program& program, const ConfigFile& file) {
  std::vector<std::string> flags, commands;
  for (const Command& command : program.commands) {
    commands.push_back(command.name);
    for (const OptionSpec& spec : all_options(command)) flags.push_back(spec.name);
  }
  const auto check = [&](const auto& values, const std::vector<std::string>& known) -> Outcome {
    for (const auto& [key, value] : values) {
      if (std::ranges::find(known, key) != known.end()) continue;
      const auto near = nearest(key, known);
      return fail(Exit::kUsage, fmt::format("{}:{}: there is no flag {}", file.path, value.line, key),
                  near ? fmt::format("did you mean {}?", *near) : std::string());
    }
    return {};
  };
  if (const Outcome common = check(file.common, flags); !common) return common;
  for (const auto& [name, values] : file.by_command) {
    const Command* command = program.find(name);
    if (command == nullptr) return fail(Exit::kUsage, fmt::format("{}: there is no command {}", file.path, name));
    std::vector<std::string> own;
    for (const OptionSpec& spec : all_options(*command)) own.push_back(spec.name);
    if (const Outcome section = check(values, own); !section) return section;
  }
  return {};
}

/// The file of --config, which must be there, then those that may be.
std::expected<std::vector<Source>, Failure> file_sources(const Program& program, const Command& command,
                                                         const std::vector<OptionSpec>& specs,
                                                         const Environment& environment,
                                                         const std::vector<Source>& so_far) {
  std::vector<std::pair<std::string, bool>> paths;
  for (const Source& source : so_far) {
    const auto named = source.values.find("config");
    if (named == source.values.end()) continue;
    paths.emplace_back(named->second.back(), true);
    break;
  }
  for (const std::string& path : config_paths(environment)) paths.emplace_back(path, false);
  std::vector<Source> sources;
  for (const auto& [path, must_be_there] : paths) {
    const Result<ConfigFile> file = read_config(path);
    const bool is_absent = !file && (file.code() == Code::kNotFound || file.code() == Code::kNotDirectory);
    if (is_absent && !must_be_there) continue;
    if (!file) return std::unexpected<Failure>(Failure(file.error()));
    if (const Outcome known = check_config(program, *file); !known) return std::unexpected<Failure>(known.error());
    TRY(Source source, config_source(*file, command.name, specs));
    sources.push_back(std::move(source));
  }
  return sources;
}

std::expected<Options, Failure> resolve(const Program& program, const Command& command,
                                        const std::vector<std::string>& words, const Environment& environment) {
  const std::vector<OptionSpec> specs = all_options(command);
  auto line = parse_line(command, words);
  if (!line) return std::unexpected<Failure>(line.error());
  std::vector<Source> sources{line->flags};
  if (!line->wants_help) {
    sources.push_back(environment_source(environment, specs));
    auto files = file_sources(program, command, specs, environment, sources);
    if (!files) return std::unexpected<Failure>(files.error());
    for (Source& source : *files) sources.push_back(std::move(source));
  } else {
    sources.front().values = {{"help", {"true"}}};
  }
  TRY(Options options, Options::resolve(specs, sources));
  options.arguments = line->arguments;
  if (options.on("help")) return options;
  if (const Outcome enough = check_arguments(command, options.arguments); !enough)
    return std::unexpected<Failure>(enough.error());
  return options;
}

Outcome run_command(const Program& program, const Command& command, const Options& options,
                    const Environment& environment, const Secrets& secrets, Terminal& terminal) {
  SystemScheduler scheduler;
  std::unique_ptr<InterruptWatch> interrupts;
  Scope scope;
  if (!command.forks) {
    interrupts = std::make_unique<InterruptWatch>(scheduler, [] { _exit(static_cast<int>(Exit::kInterrupted)); });
    scope.stop = interrupts->token();
  }
  TRY(const LogLevel level, parse_log_level(options.text("log-level")));
  const Log log(STDERR_FILENO, level);
  Context context{program, options, environment, secrets, terminal, scheduler, log, scope};
  const Outcome outcome = command.run(context);
  if (interrupts != nullptr && interrupts->has_come() && !outcome) return fail(Exit::kInterrupted, "ended by a signal");
  return outcome;
}

Failure about_flag_before_command(const std::string& word) {
  return {Exit::kUsage, fmt::format("a command is missing before {}", word), "headrace help lists the commands"};
}

}  // namespace

const Command* Program::find(std::string_view name) const {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::vector<OptionSpec> all_options(const Command& command) {
  std::vector<OptionSpec> specs = command.options;
  if (command.prints) {
    specs.push_back({.name = "output",
                     .letter = 'o',
                     .kind = ValueKind::kChoice,
                     .value_name = "FORM",
                     .text = "How results are printed",
                     .fallback = "table",
                     .choices = {"table", "json"}});
  }
  specs.push_back({.name = "config",
                   .kind = ValueKind::kText,
                   .value_name = "FILE",
                   .text = "Take flags that are not given here from this file first"});
  specs.push_back({.name = "log-level",
                   .kind = ValueKind::kChoice,
                   .value_name = "LEVEL",
                   .text = "What is logged",
                   .fallback = command.forks ? "info" : "warn",
                   .choices = {"debug", "info", "warn", "error", "off"}});
  specs.push_back({.name = "help", .letter = 'h', .text = "Show this help", .only_flag = true});
  return specs;
}

int run_program(const Program& program, const std::vector<std::string>& arguments, const Environment& environment,
                const Secrets& secrets, Terminal& terminal) {
  if (arguments.empty()) {
    terminal.out(first_screen());
    return 0;
  }
  std::string word = arguments.front();
  if (word == "--help" || word == "-h") word = "help";
  if (word == "--version" || word == "-V") word = "version";
  if (word.starts_with('-')) return exit_status(terminal, std::unexpected<Failure>(about_flag_before_command(word)));
  if (word == "unmount") word = "umount";
  if (word == "warm") word = "warmup";
  const Command* command = program.find(word);
  if (command == nullptr) return exit_status(terminal, std::unexpected<Failure>(unknown_command(program, word)));
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  const std::expected<Options, Failure> options = resolve(program, *command, rest, environment);
  if (!options) return exit_status(terminal, std::unexpected<Failure>(options.error()));
  if (options->on("help")) {
    terminal.out(help_text(*command));
    return exit_status(terminal, {});
  }
  return exit_status(terminal, run_command(program, *command, *options, environment, secrets, terminal));
}

}  // namespace headrace::cli
