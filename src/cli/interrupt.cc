// SPDX-License-Identifier: Apache-2.0
// A thread reads a signalfd; signals are blocked everywhere else.
#include "cli/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

#include "base/check.h"

namespace headrace::cli {
namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

InterruptWatch::InterruptWatch(Scheduler& scheduler, std::function<void()> at_second)
    : at_second_(std::move(at_second)) {
  const sigset_t set = watched();
  CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signal_fd_.reset(signalfd(-1, &set, SFD_CLOEXEC));
  end_fd_.reset(eventfd(0, EFD_CLOEXEC));
  CHECK(signal_fd_.is_open() && end_fd_.is_open());
  thread_ = scheduler.new_thread("signals", [this](std::stop_token) { watch(); });
}

InterruptWatch::~InterruptWatch() {
  const std::uint64_t one = 1;
  CHECK(write(end_fd_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
  const sigset_t set = watched();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void InterruptWatch::watch() {
  pollfd wanted[2] = {{signal_fd_.get(), POLLIN, 0}, {end_fd_.get(), POLLIN, 0}};
  for (;;) {
    if (poll(wanted, 2, -1) < 0) continue;
    if (wanted[1].revents != 0) return;
    signalfd_siginfo info;
    if (read(signal_fd_.get(), &info, sizeof info) != sizeof info) continue;
    if (signals_.fetch_add(1) == 0) {
      stop_.request_stop();
    } else {
      at_second_();
    }
  }
}

}  // namespace headrace::cli
