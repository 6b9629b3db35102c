// SPDX-License-Identifier: Apache-2.0
// The configuration file: flags without dashes, one a line, for all commands or below the name of one command. It is
// the part of YAML that a person needs for this, and everything else is refused with its line:
//
//   # for every command that has the flag
//   log-level: info
//   mount:
//     cache-size: 8GiB
//     fuse-option: "allow_other,ro"
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/options.h"

namespace headrace::cli {

struct ConfigValue {
  std::string text;
  int line = 0;
};

/// A file as it was read. Not checked against any command yet.
struct ConfigFile {
  std::string path;
  std::map<std::string, ConfigValue, std::less<>> common;
  std::map<std::string, std::map<std::string, ConfigValue, std::less<>>, std::less<>> by_command;
};

/// kInvalid: "PATH:LINE: what is wrong".
Result<ConfigFile> parse_config(std::string path, std::string_view text);
/// kNotFound, kAccess …; a file of more than 1 MiB is kInvalid.
Result<ConfigFile> read_config(const std::string& path);

/// What the file says for one command: its own section before the common part. Flags that only count on the command
/// line are kInvalid here; those with a value are passed over in the common part, which is for the commands that do
/// take them from a file.
Result<Source> config_source(const ConfigFile& file, std::string_view command, const std::vector<OptionSpec>& specs);

/// Where files lie that are read without being asked for, the nearer first: $XDG_CONFIG_HOME (or
/// ~/.config)/headrace/config.yaml, /etc/headrace/config.yaml.
std::vector<std::string> config_paths(const Environment& environment);

}  // namespace headrace::cli
