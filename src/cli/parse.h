// SPDX-License-Identifier: Apache-2.0
// A command's words taken apart: flags with their values, and arguments. Flags may follow arguments, "--" ends them;
// letters may stand together (-dq); --no-NAME switches off what environment or file switched on.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace headrace::cli {

struct ParsedLine {
  Source flags;
  std::vector<std::string> arguments;
  bool wants_help = false;  // -h, --help: nothing else was checked then
};

/// Failure with Exit::kUsage: an unknown flag (with the nearest one), one that is refused by name, a missing value.
std::expected<ParsedLine, Failure> parse_line(const Command& command, const std::vector<std::string>& words);

/// Whether as many arguments stand there as the command takes.
Outcome check_arguments(const Command& command, const std::vector<std::string>& arguments);

}  // namespace headrace::cli
