// SPDX-License-Identifier: Apache-2.0
// Mounting through fusermount3: the environment variable _FUSE_COMMFD names a socket on which it sends the descriptor
// (libfuse, lib/mount.c).
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "fuse/abi.h"
#include "fuse/mount_roads.h"

namespace headrace::fuse {
namespace {

constexpr const char* kHelper = "fusermount3";
constexpr int kHelperSeconds = 20;

/// A helper that runs, with what it writes to standard error, and `passed` under its own number.
class HelperProcess {
 public:
  static Result<HelperProcess> start(std::vector<std::string> arguments, int passed) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "pipe");
    HelperProcess process;
    process.complaints_ = UniqueFd(ends[0]);
    const UniqueFd out(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out.get(), STDERR_FILENO);
    if (passed >= 0)
      posix_spawn_file_actions_adddup2(&actions, passed, passed);  // the same number: loses close-on-exec
    const char* const path = std::getenv("PATH");
    std::string search = std::string("PATH=") + (path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin");
    std::string channel = "_FUSE_COMMFD=" + std::to_string(passed);
    std::string language = "LC_ALL=C";
    std::array<char*, 4> environment{search.data(), language.data(), passed >= 0 ? channel.data() : nullptr, nullptr};
    std::vector<char*> words;
    for (std::string& word : arguments) words.push_back(word.data());
    words.push_back(nullptr);
    const int error = posix_spawnp(&process.pid_, kHelper, &actions, nullptr, words.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT) {
      return Error(Code::kNotSupported,
                   "fusermount3 is missing, and without it only root may mount: install the package fuse3");
    }
    if (error != 0) return errno_error(error, "start fusermount3");
    return process;
  }

  /// Waits for its end: what it complained of, or nothing when it succeeded.
  Result<void> finish() {
    std::string text;
    std::array<char, 512> part;
    pollfd one{complaints_.get(), POLLIN, 0};
    while (text.size() < 4096) {
      const int ready = poll(&one, 1, kHelperSeconds * 1000);
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) kill(pid_, SIGKILL);
      const ssize_t got = ready > 0 ? read(complaints_.get(), part.data(), part.size()) : 0;
      if (got <= 0) break;
      text.append(part.data(), static_cast<std::size_t>(got));
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    if (text.find("busy") != std::string::npos) return Error(Code::kBusy, text);
    return Error(Code::kNotPermitted, text.empty() ? "fusermount3 failed" : text);
  }

 private:
  UniqueFd complaints_;
  pid_t pid_ = -1;
};

/// The descriptor that arrives on the socket; nothing when the helper closes it without one.
UniqueFd receive_descriptor(int socket) {
  char byte = 0;
  iovec io{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = -1;
  do {
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* const head = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (head == nullptr || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) return UniqueFd();
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
  return UniqueFd(descriptor);
}

std::string words_of(const MountOptions& options) {
  return fmt::format("fsname={},subtype=headrace,default_permissions,nosuid,nodev,max_read={}{}{}", options.source,
                     kDataBytesMax, options.allow_other ? ",allow_other" : "", options.read_only ? ",ro" : "");
}

}  // namespace

Result<UniqueFd> mount_by_helper(const Scope& scope, const std::string& path, const MountOptions& options) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno_error(errno, "socketpair");
  const UniqueFd ours(ends[1]);
  UniqueFd theirs(ends[0]);
  TRY(HelperProcess helper, HelperProcess::start({kHelper, "-o", words_of(options), "--", path}, theirs.get()));
  theirs.reset();
  timeval limit{kHelperSeconds, 0};
  setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  UniqueFd device = scope.stop.stop_requested() ? UniqueFd() : receive_descriptor(ours.get());
  const Result<void> finished = helper.finish();
  if (!finished) return finished.error();
  if (!device.is_open()) return Error(Code::kIo, "fusermount3 mounted and handed nothing over");
  return device;
}

Result<void> unmount_by_helper(const std::string& path, bool lazy) {
  TRY(HelperProcess helper, HelperProcess::start({kHelper, lazy ? "-uz" : "-u", "--", path}, -1));
  return helper.finish();
}

Result<void> check_user_allow_other(std::string_view fuse_conf) {
  constexpr std::string_view kWord = "user_allow_other";
  unsigned line_number = 0, commented_at = 0;
  while (!fuse_conf.empty()) {
    const std::size_t end = fuse_conf.find('\n');
    std::string_view line = fuse_conf.substr(0, end);
    fuse_conf = end == std::string_view::npos ? std::string_view{} : fuse_conf.substr(end + 1);
    ++line_number;
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.remove_suffix(1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    if (line == kWord) return {};
    if (line.starts_with('#') && line.ends_with(kWord) && line.size() <= kWord.size() + 2) commented_at = line_number;
  }
  const std::string what =
      commented_at != 0 ? fmt::format("uncomment line {}", commented_at) : fmt::format("add the line '{}'", kWord);
  return Error(Code::kNotPermitted,
               "allow_other is not for users on this machine: " + what + " in /etc/fuse.conf, or mount as root");
}

}  // namespace headrace::fuse
