// SPDX-License-Identifier: Apache-2.0
#include "apps/process_setup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/fd.h"

namespace headrace::apps {
namespace {

constexpr rlim_t kOpenFilesMax = 1u << 20;
constexpr std::uint64_t kOpenFilesWanted = 16384;

std::uint64_t raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  // Raising the hard limit needs a privilege; without it the soft one goes up to it.
  rlimit wanted{kOpenFilesMax, std::max(limit.rlim_max, kOpenFilesMax)};
  if (setrlimit(RLIMIT_NOFILE, &wanted) != 0) {
    wanted = {std::min(limit.rlim_max, kOpenFilesMax), limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &wanted) != 0) return limit.rlim_cur;
  }
  return wanted.rlim_cur;
}

/// Killing a file system takes its users with it: others go first.
void lower_oom_score() {
  const UniqueFd fd(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (fd.is_open()) static_cast<void>(write_all(fd.get(), bytes_of("-500\n")).has_value());
}

}  // namespace

ProcessSetup set_up_server_process() {
  ProcessSetup setup;
  umask(077);
  std::signal(SIGPIPE, SIG_IGN);
  mallopt(M_ARENA_MAX, 2);
  setup.open_files_max = raise_open_files();
  if (setup.open_files_max < kOpenFilesWanted) {
    setup.refused.push_back(
        fmt::format("only {} files can be open at a time; raise the limit (ulimit -n)", setup.open_files_max));
  }
  lower_oom_score();
  // After the files of /proc/self were written: they are root's from here on.
  if (prctl(PR_SET_DUMPABLE, 0) != 0) setup.refused.emplace_back("a core dump of this process would show secrets");
  return setup;
}

}  // namespace headrace::apps
