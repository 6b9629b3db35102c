// SPDX-License-Identifier: Apache-2.0
#include "apps/supervisor.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/check.h"

namespace headrace::apps {
namespace {

// What the two say to each other: one message, with at most one descriptor.
enum Kind : std::uint32_t { kDevice = 1, kBacking, kBackingGone, kServing, kEnding, kStop, kEndNow };
struct Message {
  std::uint32_t kind = 0;
  std::int32_t value = 0;
};

constexpr timeval kSendMax{1, 0};

bool send_message(int link, const Message& message, int descriptor) {
  iovec part{const_cast<Message*>(&message), sizeof message};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (descriptor >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  }
  for (;;) {
    if (sendmsg(link, &header, MSG_NOSIGNAL) == sizeof message) return true;
    if (errno != EINTR) return false;
  }
}

enum class Heard { kMessage, kNothing, kEnd };
Heard receive_message(int link, Message& message, UniqueFd& descriptor) {
  iovec part{&message, sizeof message};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = recvmsg(link, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Heard::kNothing : Heard::kEnd;
  if (const cmsghdr* const rights = CMSG_FIRSTHDR(&header); rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(rights), sizeof number);
    descriptor.reset(number);
  }
  return got == sizeof message ? Heard::kMessage : Heard::kEnd;
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

int milliseconds_until(const Clock& clock, Moment moment) {
  if (moment == Moment::max()) return -1;
  const Duration left = std::max(Duration(0), moment - clock.now());
  return static_cast<int>(
      std::min<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 1'000'000));
}

}  // namespace

// The server's end.

ServerLink::ServerLink(UniqueFd link, const Log& log)
    : link_(std::move(link)), log_(log), end_(eventfd(0, EFD_CLOEXEC)) {
  setsockopt(link_.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendMax, sizeof kSendMax);
}

void ServerLink::close() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  CHECK(write(end_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

void ServerLink::watch(Scheduler& scheduler, std::function<void()> stop, std::function<void()> end_now) {
  thread_ = scheduler.new_thread("supervisor", [this, stop = std::move(stop), end_now = std::move(end_now)](
                                                   std::stop_token) { listen(stop, end_now); });
}

void ServerLink::listen(const std::function<void()>& stop, const std::function<void()>& end_now) {
  std::array<pollfd, 2> wanted{pollfd{link_.get(), POLLIN, 0}, pollfd{end_.get(), POLLIN, 0}};
  for (;;) {
    if (poll(wanted.data(), wanted.size(), -1) < 0) continue;
    if (wanted[1].revents != 0) return;
    Message message;
    UniqueFd none;
    switch (receive_message(link_.get(), message, none)) {
      case Heard::kNothing: continue;
      case Heard::kEnd:
        is_broken_ = true;
        log_.warn("the supervisor is gone: this server goes on, and is not started again should it die");
        return;
      case Heard::kMessage: break;
    }
    if (message.kind == kStop) stop();
    if (message.kind == kEndNow) end_now();
  }
}

void ServerLink::send(std::uint32_t kind, std::int32_t value, int descriptor) {
  if (is_broken_ || send_message(link_.get(), {kind, value}, descriptor)) return;
  if (is_broken_.exchange(true)) return;
  log_.warn("the supervisor takes no messages: this server is not started again should it die");
}

void ServerLink::device_made(int descriptor) { send(kDevice, 0, descriptor); }
void ServerLink::backing_made(std::int32_t backing_id, int descriptor) { send(kBacking, backing_id, descriptor); }
void ServerLink::backing_gone(std::int32_t backing_id) { send(kBackingGone, backing_id, -1); }
void ServerLink::serving() { send(kServing, 0, -1); }
void ServerLink::ending() { send(kEnding, 0, -1); }

// The supervisor.

Supervisor::Supervisor(const Log& log, const Clock& clock, vfs::TakeoverIndex& index, std::function<void()> has_forked,
                       std::function<void()> give_up, const SupervisorLimits& limits)
    : log_(log),
      clock_(clock),
      index_(index),
      has_forked_(std::move(has_forked)),
      give_up_(std::move(give_up)),
      limits_(limits) {}

Result<Supervisor::Role> Supervisor::run() {
  const sigset_t watched = watched_signals();
  sigset_t before;
  CHECK(pthread_sigmask(SIG_BLOCK, &watched, &before) == 0);
  signals_.reset(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open()) return errno_error(errno, "signalfd");
  for (;;) {
    Result<std::optional<Inheritance>> started = start_server();
    if (!started) {
      if (index_.has_mount()) end("no process for another server can be had");
      return started.error();
    }
    std::optional<Inheritance> inherited = *std::move(started);
    if (inherited) {
      signals_.reset();
      CHECK(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
      return Role{std::move(inherited), 0};
    }
    const Ended ended = watch_server();
    link_.reset();
    if (ended == Ended::kOnPurpose) return Role{std::nullopt, WIFEXITED(wait_status_) ? WEXITSTATUS(wait_status_) : 1};
    if (asked_to_end_ > 0) return Role{std::nullopt, end("the server died while it ended")};
    if (!may_go_on(ended)) return Role{std::nullopt, 1};
    index_.count_restart();
  }
}

Result<std::optional<Inheritance>> Supervisor::start_server() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return errno_error(errno, "socketpair");
  UniqueFd ours(ends[0]), theirs(ends[1]);
  const pid_t self = getpid();
  const pid_t server = fork();
  if (server < 0) return errno_error(errno, "fork");
  if (server == 0) {
    ours.reset();
    Inheritance inherited{std::move(devices_), std::move(backings_), std::move(theirs), self};
    link_.reset();
    return std::optional(std::move(inherited));
  }
  link_ = std::move(ours);
  server_ = server;
  is_serving_ = is_ending_ = false;
  has_forked_();
  return std::optional<Inheritance>();
}

/// Until the server's process has ended.
Supervisor::Ended Supervisor::watch_server() {
  bool is_late = false;
  for (;;) {
    const Moment deadline = died_at_ == Moment::max() || is_late ? Moment::max() : died_at_ + limits_.come_up_max;
    std::array<pollfd, 2> wanted{pollfd{signals_.get(), POLLIN, 0}, pollfd{link_.get(), POLLIN, 0}};
    poll(wanted.data(), link_.is_open() ? 2 : 1, milliseconds_until(clock_, deadline));
    hear_link();
    on_signal();
    if (reap()) break;
    if (clock_.now() >= deadline && !is_serving_) {
      is_late = true;
      kill(server_, SIGKILL);
    }
  }
  hear_link();  // what it said last
  const bool ended_well = WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 0;
  if (is_ending_ || ended_well) return Ended::kOnPurpose;
  if (!index_.has_mount() || devices_.empty()) {
    if (WIFSIGNALED(wait_status_))
      log_.error("the server died before it served", {{"signal", std::to_string(WTERMSIG(wait_status_))}});
    return Ended::kOnPurpose;  // there is nothing to go on with
  }
  if (is_late) return Ended::kTooLate;
  return is_serving_ || WIFSIGNALED(wait_status_) ? Ended::kDied : Ended::kFailedToStart;
}

void Supervisor::on_signal() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;
    tell(++asked_to_end_ == 1 ? kStop : kEndNow);
  }
}

void Supervisor::tell(std::uint32_t kind) {
  if (link_.is_open() && !send_message(link_.get(), {kind, 0}, -1)) kill(server_, SIGTERM);
}

void Supervisor::hear_link() {
  while (link_.is_open()) {
    Message message;
    UniqueFd descriptor;
    const Heard heard = receive_message(link_.get(), message, descriptor);
    if (heard == Heard::kNothing) return;
    if (heard == Heard::kEnd) {
      link_.reset();
      return;
    }
    hear(message.kind, message.value, std::move(descriptor));
  }
}

void Supervisor::hear(std::uint32_t kind, std::int32_t value, UniqueFd descriptor) {
  switch (kind) {
    case kDevice:
      if (descriptor.is_open()) devices_.push_back(std::move(descriptor));
      break;
    case kBacking:
      if (descriptor.is_open()) backings_[value] = std::move(descriptor);
      break;
    case kBackingGone: backings_.erase(value); break;
    case kServing:
      is_serving_ = true;
      died_at_ = Moment::max();
      pause_ = Duration(0);
      break;
    case kEnding: is_ending_ = true; break;
    default: break;
  }
}

bool Supervisor::reap() { return waitpid(server_, &wait_status_, WNOHANG) == server_; }

/// After a death: whether another server is to be started, now.
bool Supervisor::may_go_on(Ended ended) {
  const Moment now = clock_.now();
  if (died_at_ == Moment::max()) died_at_ = now;
  if (ended == Ended::kTooLate) {
    end(fmt::format("no server came up within {} s",
                    std::chrono::duration_cast<std::chrono::seconds>(limits_.come_up_max).count()));
    return false;
  }
  const std::string how = WIFSIGNALED(wait_status_) ? fmt::format("signal {}", WTERMSIG(wait_status_))
                                                    : fmt::format("status {}", WEXITSTATUS(wait_status_));
  log_.error("the server died; another one takes over", {{"pid", std::to_string(server_)}, {"how", how}});
  if (ended == Ended::kFailedToStart) return pause_before_next();
  deaths_.push_back(now);
  while (now - deaths_.front() > limits_.deaths_window) deaths_.pop_front();
  if (deaths_.size() <= limits_.deaths_max) return true;
  end(fmt::format("the server died {} times in {} s", deaths_.size(),
                  std::chrono::duration_cast<std::chrono::seconds>(limits_.deaths_window).count()));
  return false;
}

/// What a start needs (the metadata, the bucket) may be away for a moment.
bool Supervisor::pause_before_next() {
  pause_ = std::clamp(pause_ * 2, limits_.first_pause, limits_.longest_pause);
  const Moment until = std::min(clock_.now() + pause_, died_at_ + limits_.come_up_max);
  while (clock_.now() < until && asked_to_end_ == 0) {
    pollfd wanted{signals_.get(), POLLIN, 0};
    poll(&wanted, 1, milliseconds_until(clock_, until));
    on_signal();
  }
  if (asked_to_end_ > 0) {
    end("asked to end while no server could be started");
    return false;
  }
  if (clock_.now() < died_at_ + limits_.come_up_max) return true;
  end("no server could be started in time");
  return false;
}

int Supervisor::end(const std::string& why) {
  log_.error("the mount is given up: who uses it gets errors from now on", {{"why", why}});
  give_up_();
  return 1;
}

}  // namespace headrace::apps
