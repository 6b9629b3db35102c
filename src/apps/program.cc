// SPDX-License-Identifier: Apache-2.0
// The table of commands, in the order in which help lists them.
#include "apps/commands.h"
#include "cli/commands/commands.h"

namespace headrace::apps {

cli::Program headrace_program() {
  cli::Program program;
  program.version = HEADRACE_VERSION;
  program.commands = {
      cli::format_command(), mount_command(),        umount_command(),          status_command(),
      cli::info_command(),   cli::summary_command(), cli::warmup_command(),     cli::stats_command(),
      cli::fsck_command(),   cli::gc_command(),      cli::config_command(),     cli::dump_command(),
      cli::load_command(),   cli::destroy_command(), doctor_command(),          cli::bench_command(),
      cli::help_command(),   cli::version_command(), cli::completion_command(), cli::docs_command(),
  };
  return program;
}

}  // namespace headrace::apps
