// SPDX-License-Identifier: Apache-2.0
// The commands of this room, one file each. What runs a server (mount) is made in apps.
#pragma once

#include "cli/command.h"

namespace headrace::cli {

Command format_command();
Command umount_command();
Command status_command();
Command info_command();
Command summary_command();
Command stats_command();
Command warmup_command();
Command fsck_command();
Command gc_command();
Command destroy_command();
Command config_command();
Command dump_command();
Command load_command();
Command doctor_command();
Command bench_command();
Command help_command();
Command version_command();
Command completion_command();
Command docs_command();

}  // namespace headrace::cli
