// SPDX-License-Identifier: Apache-2.0
// The table of commands, in the order in which help lists them.
#include "apps/commands.h"
#include "cli/commands/commands.h"

namespace headrace::apps {

cli::Program headrace_program() {
  cli::Program program;
  program.version = HEADRACE_VERSION;
  program.commands = {
      cli::format_command(),     mount_command(),      umount_command(),
      cli::help_command(),       cli::version_command(), cli::completion_command(), cli::docs_command(),
  };
  return program;
}

}  // namespace headrace::apps
