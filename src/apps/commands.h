// SPDX-License-Identifier: Apache-2.0
// The commands that meet the kernel, and the table of all commands.
#pragma once

#include "cli/command.h"

namespace headrace::apps {

cli::Command mount_command();
cli::Command umount_command();
cli::Command status_command();
cli::Command doctor_command();

/// The whole program.
cli::Program headrace_program();

}  // namespace headrace::apps
