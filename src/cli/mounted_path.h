// SPDX-License-Identifier: Apache-2.0
// A path that a person names, as the volume below it sees it: for commands that ask a mount's server.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "cli/command.h"
#include "cli/control.h"
#include "cli/outcome.h"

namespace headrace::cli {

struct MountedPath {
  std::string path;         // absolute, without "." and ".." and symbolic links on the way
  std::string mount_point;  // where the volume's root is
  std::string in_volume;    // "/train/x.bin"; "/" for the root
  std::uint64_t ino = 0;
  bool is_directory = false;

  /// A directory of the mount in which the control file answers.
  std::string control_directory() const { return is_directory ? path : path.substr(0, path.rfind('/')); }
};

/// Looks the path up without hanging with a mount that does not answer: kTimedOut then, kNotFound, kConflict (not on a
/// volume).
std::expected<MountedPath, Failure> find_mounted(const Context& context, const std::string& path);

/// Asks the server of the mount and gives its JSON. Failures name the path.
std::expected<std::string, Failure> ask_mount(const Context& context, const MountedPath& at, ControlCommand command,
                                              std::string_view body, AnswerReader::Progress progress);

}  // namespace headrace::cli
