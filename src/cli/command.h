// SPDX-License-Identifier: Apache-2.0
// A command of the program: what help says of it, what it takes, and the function that runs it. The program is a table
// of these.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event.h"
#include "base/log.h"
#include "base/scope.h"
#include "cli/option.h"
#include "cli/options.h"
#include "cli/outcome.h"
#include "cli/secrets.h"
#include "cli/terminal.h"

namespace headrace::cli {

struct Program;

/// What a running command has. Lives as long as the command runs.
struct Context {
  const Program& program;
  const Options& options;
  const Environment& environment;
  const Secrets& secrets;
  Terminal& terminal;
  Scheduler& scheduler;
  const Log& log;
  /// Stopped by Ctrl-C and SIGTERM; without a deadline of its own.
  const Scope& scope;

  /// Whether results are wanted as JSON. Only in commands that print (Command::prints).
  bool wants_json() const { return options.text("output") == "json"; }
  /// A scope that ends so far from now.
  Scope within(Duration length) const { return scope.until(scheduler.clock().now() + length); }
};

struct Example {
  std::string line{};
  std::string text{};
};

struct Command {
  std::string name{};
  std::string summary{};      // one line for the list of commands, without a full stop
  std::string description{};  // paragraphs for help; may be empty
  std::vector<ArgumentSpec> arguments{};
  std::vector<OptionSpec> options{};
  std::vector<RefusedOption> refused{};
  std::vector<Example> examples{};
  bool prints = false;     // it has --output table|json
  bool is_hidden = false;  // not in the list of commands
  /// It may fork, so that no thread exists before it runs: Ctrl-C is not watched for it, its scope never stops.
  bool forks = false;
  std::function<Outcome(Context&)> run{};
};

struct Program {
  std::string version{};
  std::vector<Command> commands{};  // in the order of the list

  /// nullptr: there is none of this name.
  const Command* find(std::string_view name) const;
};

/// The command's own flags and those that every command has.
std::vector<OptionSpec> all_options(const Command& command);

/// Runs the program: `arguments` without its own name. Returns the exit status.
int run_program(const Program& program, const std::vector<std::string>& arguments, const Environment& environment,
                const Secrets& secrets, Terminal& terminal);

}  // namespace headrace::cli
