// SPDX-License-Identifier: Apache-2.0
// A child process, a pipe, a deadline.
#include "cli/probe.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/fd.h"

namespace headrace::cli {
namespace {

/// What the child sends first.
struct Answer {
  int error = 0;
  Seen seen;
};

/// In the child: nothing but system calls, since other threads of the parent are gone in the middle of what they did.
void answer_stat(const char* path, int out) {
  Answer answer;
  struct stat info;
  if (lstat(path, &info) != 0) {
    answer.error = errno;
  } else {
    answer.seen = {info.st_ino, info.st_mode, static_cast<std::uint64_t>(info.st_size)};
  }
  if (write(out, &answer, sizeof answer) != sizeof answer) _exit(1);
}

void answer_bytes(const char* path, int out) {
  Answer answer;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) answer.error = errno;
  if (write(out, &answer, sizeof answer) != sizeof answer || file < 0) _exit(1);
  static char part[65536];
  for (;;) {
    const ssize_t got = read(file, part, sizeof part);
    if (got <= 0) return;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t put = write(out, part + sent, static_cast<std::size_t>(got - sent));
      if (put < 0) _exit(1);
      sent += put;
    }
  }
}

/// Waits for the child's bytes until it ends, has sent enough, or the scope is over.
Result<void> receive(const Scope& scope, const Clock& clock, int in, std::size_t bytes_max, std::string& out) {
  char part[65536];
  for (;;) {
    if (scope.stop.stop_requested()) return Code::kInterrupted;
    if (clock.now() >= scope.deadline) return Code::kTimedOut;
    pollfd wanted{in, POLLIN, 0};
    if (poll(&wanted, 1, 20) <= 0) continue;
    const ssize_t got = read(in, part, std::min(sizeof part, bytes_max + 1 - out.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    out.append(part, static_cast<std::size_t>(got));
    if (out.size() > bytes_max) return {};
  }
}

Result<std::string> ask(const Scope& scope, const Clock& clock, void (*body)(const char*, int), const std::string& path,
                        std::size_t bytes_max) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  UniqueFd in(ends[0]), out(ends[1]);
  const pid_t child = fork();
  if (child < 0) return errno_error(errno, "fork");
  if (child == 0) {
    body(path.c_str(), ends[1]);
    _exit(0);
  }
  out.reset();
  std::string answer;
  const Result<void> received = receive(scope, clock, in.get(), bytes_max, answer);
  kill(child, SIGKILL);
  // One that the kernel holds until the mount is aborted is left to init.
  for (int i = 0; i < 100 && waitpid(child, nullptr, WNOHANG) == 0; ++i) poll(nullptr, 0, 1);
  TRY_OK(received);
  return answer;
}

Result<Answer> parse(const std::string& path, const std::string& bytes) {
  Answer answer;
  if (bytes.size() < sizeof answer) return Error(Code::kIo, path + ": no answer");
  std::memcpy(&answer, bytes.data(), sizeof answer);
  if (answer.error == ENOTCONN || answer.error == ECONNABORTED)
    return Error(Code::kTransient, path + ": its server is gone");
  if (answer.error != 0) return errno_error(answer.error, path);
  return answer;
}

}  // namespace

Result<Seen> look_at(const Scope& scope, Scheduler& scheduler, const std::string& path) {
  TRY(const std::string bytes, ask(scope, scheduler.clock(), answer_stat, path, sizeof(Answer)));
  TRY(const Answer answer, parse(path, bytes));
  return answer.seen;
}

Result<std::string> read_file(const Scope& scope, Scheduler& scheduler, const std::string& path,
                              std::size_t bytes_max) {
  TRY(std::string bytes, ask(scope, scheduler.clock(), answer_bytes, path, sizeof(Answer) + bytes_max));
  TRY_OK(parse(path, bytes));
  bytes.erase(0, sizeof(Answer));
  if (bytes.size() > bytes_max) bytes.resize(bytes_max);
  return bytes;
}

}  // namespace headrace::cli
