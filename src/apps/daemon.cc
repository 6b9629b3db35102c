// SPDX-License-Identifier: Apache-2.0
// Two forks and a pipe. The words on the pipe: the server's pid, then one message: exit status, what failed, hint.
#include "apps/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace headrace::apps {
namespace {

using cli::Exit;
using cli::Failure;
using cli::Outcome;

constexpr std::size_t kMessageBytesMax = 16384;

Result<UniqueFd> open_log(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600));
  if (!fd.is_open()) return errno_error(errno, "the log file " + path);
  return fd;
}

Result<void> take_streams(const UniqueFd& log) {
  const UniqueFd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing.is_open()) return errno_error(errno, "/dev/null");
  if (dup2(nothing.get(), STDIN_FILENO) < 0 || dup2(log.get(), STDOUT_FILENO) < 0 ||
      dup2(log.get(), STDERR_FILENO) < 0) {
    return errno_error(errno, "dup2");
  }
  return {};
}

/// In the first child: becomes the server, or ends. Returns only in the server.
void become_server(const UniqueFd& log, UniqueFd& out) {
  if (setsid() < 0 || chdir("/") != 0) _exit(1);
  const pid_t server = fork();
  if (server != 0) _exit(server < 0 ? 1 : 0);
  if (!take_streams(log)) _exit(1);
  const pid_t self = getpid();
  if (write(out.get(), &self, sizeof self) != sizeof self) _exit(1);
}

/// Reads until the writers are gone or time is over; false: time is over.
bool read_until_end(int fd, Duration limit, std::string& text) {
  const SystemClock clock;
  const Moment deadline = clock.now() + limit;
  std::array<char, 4096> part;
  while (text.size() < kMessageBytesMax) {
    const Duration left = deadline - clock.now();
    if (left <= Duration(0)) return false;
    pollfd wanted{fd, POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
    if (ready <= 0) continue;
    const ssize_t got = read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace

void ReadyReport::ready() { send(std::string(1, '\0')); }

void ReadyReport::failed(const Failure& failure) {
  const auto status = static_cast<unsigned char>(failure.exit);
  std::string message(1, static_cast<char>(status));
  message += failure.what.substr(0, 4096);
  message += '\0';
  message += failure.hint.substr(0, 4096);
  send(message);
}

void ReadyReport::send(const std::string& message) {
  if (!fd_.is_open()) return;
  // The command may be gone (Ctrl-C): then nobody listens.
  static_cast<void>(write_all(fd_.get(), bytes_of(message)).has_value());
  fd_.reset();
}

Outcome StartedServer::wait(Duration limit, const std::string& log_file) {
  std::string text;
  const bool has_ended = read_until_end(fd_.get(), limit, text);
  pid_t server = 0;
  if (text.size() >= sizeof server) std::memcpy(&server, text.data(), sizeof server);
  const std::string hint = fmt::format("{} may say more", log_file);
  if (!has_ended) {
    if (server > 0) kill(server, SIGTERM);
    return cli::fail(Exit::kTimedOut, "the server in the background did not come up in time and was told to end", hint);
  }
  const std::string_view message = std::string_view(text).substr(std::min(text.size(), sizeof server));
  if (message.empty()) return cli::fail(Exit::kFailed, "the server in the background ended without a word", hint);
  if (message.front() == '\0') return {};
  const std::size_t end = message.find('\0', 1);
  const std::string_view what = message.substr(1, end - 1);
  const std::string_view next = end == std::string_view::npos ? std::string_view() : message.substr(end + 1);
  return cli::fail(static_cast<Exit>(static_cast<unsigned char>(message.front())), std::string(what),
                   std::string(next));
}

Result<Split> split_into_background(const std::string& log_file) {
  TRY(const UniqueFd log, open_log(log_file));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(errno, "pipe");
  UniqueFd in(ends[0]), out(ends[1]);
  const pid_t middle = fork();
  if (middle < 0) return errno_error(errno, "fork");
  Split split;
  if (middle == 0) {
    in.reset();
    become_server(log, out);
    split.server.emplace(std::move(out));
    return split;
  }
  out.reset();
  while (waitpid(middle, nullptr, 0) < 0 && errno == EINTR) continue;
  split.command.emplace(std::move(in));
  return split;
}

}  // namespace headrace::apps
