// SPDX-License-Identifier: Apache-2.0
// What a server process sets for itself before it serves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace headrace::apps {

struct ProcessSetup {
  std::uint64_t open_files_max = 0;  // what RLIMIT_NOFILE is now
  std::vector<std::string> refused;  // sentences about what could not be set
};

/// Sets: files are made for this user alone (umask 077); no core dump and no ptrace by others, since both would show
/// secrets; as many descriptors as the system allows, at most a million; two malloc arenas, so that memory that threads
/// gave back is used again; killed later than other processes when memory runs out (where that is allowed; nothing is
/// said where it is not). Nothing of it is fatal where it is refused. Before any thread exists.
ProcessSetup set_up_server_process();

}  // namespace headrace::apps
