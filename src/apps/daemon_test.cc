// SPDX-License-Identifier: Apache-2.0
#include "apps/daemon.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>

#include "object/testing/temporary_directory.h"

namespace headrace::apps {
namespace {

using cli::Exit;
using cli::Outcome;

constexpr Duration kLong = std::chrono::seconds(30);

/// Splits; the server runs `body` and ends. What the command hears.
Outcome hear(const std::string& log, Duration limit, const std::function<void(ReadyReport&)>& body) {
  auto split = split_into_background(log);
  if (!split) return std::unexpected<cli::Failure>(split.error());
  if (split->server) {
    body(*split->server);
    _exit(0);
  }
  return split->command->wait(limit, log);
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Daemon, TheCommandEndsWellWhenTheServerIsReady) {
  object::TemporaryDirectory folder;
  EXPECT_TRUE(hear(folder / "log", kLong, [](ReadyReport& report) { report.ready(); }));
}

TEST(Daemon, TheServersReasonAndExitStatusReachTheCommand) {
  object::TemporaryDirectory folder;
  const Outcome heard = hear(folder / "log", kLong, [](ReadyReport& report) {
    report.failed({Exit::kNotFound, "no such volume", "make one"});
    report.ready();  // too late: only the first word counts
  });
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().exit, Exit::kNotFound);
  EXPECT_EQ(heard.error().what, "no such volume");
  EXPECT_EQ(heard.error().hint, "make one");
}

TEST(Daemon, AServerThatDiesWithoutAWordIsAFailureThatNamesTheLog) {
  object::TemporaryDirectory folder;
  const Outcome heard = hear(folder / "log", kLong, [](ReadyReport&) { _exit(3); });
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().exit, Exit::kFailed);
  EXPECT_NE(heard.error().hint.find("/log"), std::string::npos);
}

TEST(Daemon, AServerThatSaysNothingIsGivenUpAndToldToEnd) {
  object::TemporaryDirectory folder;
  const Outcome heard =
      hear(folder / "log", std::chrono::milliseconds(300), [](ReadyReport&) { poll(nullptr, 0, 60'000); });
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().exit, Exit::kTimedOut);
}

TEST(Daemon, WhatTheServerSaysGoesToItsLogAndItHasASessionOfItsOwn) {
  object::TemporaryDirectory folder;
  std::ofstream(folder / "log") << "before\n";
  const pid_t ours = getsid(0);
  const Outcome heard = hear(folder / "log", kLong, [ours](ReadyReport& report) {
    char line[128];
    char where[64] = "?";
    if (getcwd(where, sizeof where) == nullptr) std::strcpy(where, "?");
    const int length = snprintf(line, sizeof line, "%s %d\n", where, getsid(0) == ours ? 1 : 0);
    if (write(STDERR_FILENO, line, static_cast<std::size_t>(length)) == length && write(STDOUT_FILENO, "out\n", 4) == 4)
      report.ready();
  });
  ASSERT_TRUE(heard) << heard.error().what;
  EXPECT_EQ(content_of(folder / "log"), "before\n/ 0\nout\n");
}

TEST(Daemon, ALogThatCannotBeMadeIsRefusedBeforeAnythingForks) {
  const auto split = split_into_background("/nonexistent/log");
  ASSERT_FALSE(split);
  EXPECT_EQ(split.code(), Code::kNotFound);
}

}  // namespace
}  // namespace headrace::apps
