// SPDX-License-Identifier: Apache-2.0
// Going into the background without lying about it: the command that a person typed ends when the server says that it
// serves, or with the reason why it does not.
//
// The process behind the command is the supervisor (apps/supervisor.h); the word comes from the first server that it
// starts.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "cli/outcome.h"

namespace headrace::apps {

/// The server's side: one word back to the command that started it. Without a word, the command says that the server
/// died.
class ReadyReport {
 public:
  ReadyReport() = default;
  explicit ReadyReport(UniqueFd fd) : fd_(std::move(fd)) {}
  /// Once, either of them; later calls do nothing.
  void ready();
  void failed(const cli::Failure& failure);
  /// In a process that has left the word to another one.
  void leave() { fd_.reset(); }

 private:
  void send(const std::string& message);
  UniqueFd fd_;
};

/// The command's side: how the server's start went.
class StartedServer {
 public:
  explicit StartedServer(UniqueFd fd) : fd_(std::move(fd)) {}
  /// Waits for the word. A server that says nothing for so long is asked to end (kTimedOut). `log_file` is where more
  /// can be read.
  cli::Outcome wait(Duration limit, const std::string& log_file);

 private:
  UniqueFd fd_;
};

/// What split() gives each of the two processes.
struct Split {
  std::optional<StartedServer> command;  // in the process that was started
  std::optional<ReadyReport> server;     // in the new one
};

/// Forks into the background: a session of its own, stdin from /dev/null, stdout and stderr to the log file, which is
/// made with mode 0600 and appended to, "/" as its directory. Only while there is one thread. An error leaves one
/// process.
Result<Split> split_into_background(const std::string& log_file);

}  // namespace headrace::apps
