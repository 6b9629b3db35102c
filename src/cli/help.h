// SPDX-License-Identifier: Apache-2.0
// What the program says of itself on a screen, made from the table of commands.
#pragma once

#include <string>

#include "cli/command.h"

namespace headrace::cli {

/// `headrace` alone: what to type on the first day.
std::string first_screen();
/// `headrace help`: all commands, a line each.
std::string list_of_commands(const Program& program);
/// `headrace help COMMAND`, `headrace COMMAND --help`.
std::string help_text(const Command& command);
/// "headrace mount [FLAGS] META-URL MOUNTPOINT"
std::string usage_line(const Command& command);
/// "-d, --background" or "    --cache-size SIZE"
std::string flag_text(const OptionSpec& spec);
/// The sentence with bounds, choices and default behind it.
std::string flag_sentence(const OptionSpec& spec);
/// Text broken at spaces so that no line is wider than `columns`; lines after the first are indented.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t columns);

}  // namespace headrace::cli
