// SPDX-License-Identifier: Apache-2.0
#include "fuse/mount_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/fd.h"

namespace headrace::fuse {
namespace {

struct Verdict {
  int error = 0;
  bool is_directory = false;
};

/// In the child: system calls alone. statfs asks the server where stat may answer from the cache.
[[noreturn]] void look(const char* path, int to) {
  // Nothing of the parent's is kept open by a child that hangs, a /dev/fuse descriptor least of all.
  const int out = 0;
  if (to != out && dup2(to, out) < 0) _exit(1);
  close_range(1, ~0u, 0);
  Verdict verdict;
  struct stat status{};
  struct statfs system{};
  if (stat(path, &status) != 0 || statfs(path, &system) != 0) verdict.error = errno;
  verdict.is_directory = S_ISDIR(status.st_mode);
  const ssize_t written = write(out, &verdict, sizeof verdict);
  _exit(written == sizeof verdict ? 0 : 1);
}

Result<PathState> state_of(const Verdict& verdict, const std::string& path) {
  switch (verdict.error) {
    case 0: return verdict.is_directory ? PathState::kDirectory : PathState::kOther;
    case ENOENT: return PathState::kMissing;
    case ENOTDIR: return PathState::kOther;
    case ENOTCONN:
    case ECONNABORTED: return PathState::kDead;
    case EACCES: return PathState::kForbidden;
    default: return errno_error(verdict.error, path);
  }
}

}  // namespace

Result<PathState> probe_path(const std::string& path, Duration limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t child = fork();
  if (child < 0) return errno_error(errno, "fork");
  if (child == 0) look(path.c_str(), out.get());
  out.reset();
  pollfd one{in.get(), POLLIN, 0};
  const int limit_milliseconds = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
  int ready = -1;
  do {
    ready = poll(&one, 1, limit_milliseconds);
  } while (ready < 0 && errno == EINTR);
  Verdict verdict;
  const bool has_answer = ready > 0 && read(in.get(), &verdict, sizeof verdict) == sizeof verdict;
  if (!has_answer) kill(child, SIGKILL);
  // One that hangs in the kernel cannot be waited for; it goes with the mount, and to init.
  waitpid(child, nullptr, has_answer ? 0 : WNOHANG);
  if (!has_answer) return PathState::kSilent;
  return state_of(verdict, path);
}

Result<std::string> canonical_mount_point(const std::string& path) {
  std::string clean = path;
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  const std::size_t slash = clean.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : clean.substr(0, slash);
  const std::string name = slash == std::string::npos ? clean : clean.substr(slash + 1);
  char resolved[PATH_MAX];
  if (name.empty() || name == "." || name == "..")
    return Error(Code::kInvalid, path + " is not a mount point's name; give its full path");
  if (realpath(parent.c_str(), resolved) == nullptr) return errno_error(errno, parent);
  const std::string base = resolved;
  return base == "/" ? "/" + name : base + "/" + name;
}

}  // namespace headrace::fuse
