// SPDX-License-Identifier: Apache-2.0
// Other processes on the same database: they share it, are killed, and are forked from us.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/fd.h"
#include "records/sqlite/engine.h"
#include "records/testing/raw_sqlite.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

constexpr const char* kDatabaseVariable = "HEADRACE_TEST_DATABASE";
constexpr const char* kCommitVariable = "HEADRACE_TEST_COMMIT";

/// Both counters rise by one; the answer is where they are.
Result<std::int64_t> bump_both(RecordEngine& engine, Commit commit) {
  return engine.run(Scope{}, commit, {}, [](RecordTxn& txn) -> Result<std::int64_t> {
    TRY(const auto a, get(txn, CounterKey{"a"}));
    put(txn, CounterKey{"a"}, a.value_or(0) + 1);
    add(txn, CounterKey{"b"}, 1);
    return a.value_or(0) + 1;
  });
}

/// This program again, running the test below on a database of ours; what it has acknowledged comes line by line.
class ChildProcess {
 public:
  ChildProcess(const std::string& database, const char* commit) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    output_.reset(ends[0]);
    const UniqueFd input(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
    std::string program = "records_test", filter = "--gtest_filter=SqliteChild.DISABLED_CommitsUntilItIsKilled",
                all = "--gtest_also_run_disabled_tests";
    char* arguments[] = {program.data(), filter.data(), all.data(), nullptr};
    std::vector<std::string> variables{std::string(kDatabaseVariable) + "=" + database,
                                       std::string(kCommitVariable) + "=" + commit};
    for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
    std::vector<char*> environment;
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments, environment.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~ChildProcess() { kill(); }

  /// The next acknowledged number; -1: it has ended.
  std::int64_t next() {
    while (true) {
      const std::size_t end = text_.find('\n');
      if (end != std::string::npos) {
        const std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        if (line.starts_with("acknowledged ")) return std::stoll(line.substr(13));
        continue;
      }
      char buffer[4096];
      const ssize_t count = ::read(output_.get(), buffer, sizeof buffer);
      if (count <= 0) return -1;
      text_.append(buffer, static_cast<std::size_t>(count));
    }
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }
  /// The highest that it had said before it was killed: a thread may say a lower one late.
  std::int64_t last_said(std::int64_t last) {
    for (std::int64_t number = next(); number >= 0; number = next()) last = std::max(last, number);
    return last;
  }

 private:
  UniqueFd output_;
  pid_t pid_ = -1;
  std::string text_;
};

TEST(SqliteChild, DISABLED_CommitsUntilItIsKilled) {
  const char* database = std::getenv(kDatabaseVariable);
  const char* commit = std::getenv(kCommitVariable);
  if (database == nullptr || commit == nullptr) GTEST_SKIP() << "runs only as another test's child";
  SystemScheduler scheduler;
  auto engine = open_engine(std::string("sqlite3://") + database, OpenOptions{}, scheduler).value();
  std::vector<std::jthread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.push_back(scheduler.new_thread("caller", [&](std::stop_token) {
      while (true) {
        const Result<std::int64_t> number =
            bump_both(*engine, std::strcmp(commit, "durable") == 0 ? Commit::kDurable : Commit::kVisible);
        const std::string line = "acknowledged " + std::to_string(number.value()) + "\n";
        if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
      }
    }));
  }
}

class ClientsTest : public testing::Test {
 protected:
  std::unique_ptr<RecordEngine> open() {
    return open_engine("sqlite3://" + path_, OpenOptions{true, false, nullptr}, scheduler_).value();
  }
  std::int64_t both(RecordEngine& engine) {
    const auto values = engine.read(Scope{}, {}, [](RecordTxn& txn) -> Result<std::pair<std::int64_t, std::int64_t>> {
      TRY(const auto a, get(txn, CounterKey{"a"}));
      TRY(const auto b, get(txn, CounterKey{"b"}));
      return std::pair(a.value_or(0), b.value_or(0));
    });
    EXPECT_TRUE(values);
    EXPECT_EQ(values->first, values->second);
    return values->first;
  }

  SystemScheduler scheduler_;
  TempFolder folder_;
  const std::string path_ = folder_.file("volume.db");
};

TEST_F(ClientsTest, AKilledClientsAcknowledgedCommitsAreAllThereAndWhole) {
  (void)open();
  std::int64_t last = 0;
  for (const char* commit : {"visible", "durable", "visible"}) {
    ChildProcess child(path_, commit);
    for (int i = 0; i < 40; ++i) {
      const std::int64_t number = child.next();
      ASSERT_GT(number, 0);
      last = std::max(last, number);
    }
    child.kill();
    last = std::max(last, child.last_said(last));
    EXPECT_EQ(RawSqlite(path_).run("PRAGMA integrity_check"), std::vector<std::string>{"ok"});
    const auto engine = open();
    const std::int64_t found = both(*engine);
    EXPECT_GE(found, last);
    EXPECT_LE(found, last + 4);  // each of its threads had at most one more under way
    last = found;
  }
}

TEST_F(ClientsTest, TwoProcessesWriteSideBySide) {
  const auto engine = open();
  ChildProcess child(path_, "visible");
  ASSERT_GT(child.next(), 0);
  int ours = 0;
  std::int64_t theirs = 0;
  for (; ours < 200; ++ours) {
    ASSERT_TRUE(bump_both(*engine, Commit::kVisible));
    theirs = child.next();
    ASSERT_GT(theirs, 0);
  }
  child.kill();
  EXPECT_GE(both(*engine), 400);
  EXPECT_TRUE(bump_both(*engine, Commit::kDurable));
}

TEST_F(ClientsTest, AForkedChildMayNotUseTheEngineAndDoesNotHarmItsParents) {
  auto engine = open();
  ASSERT_TRUE(bump_both(*engine, Commit::kVisible));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Result<std::int64_t> bumped = bump_both(*engine, Commit::kVisible);
    const bool is_refused = !bumped && bumped.code() == Code::kBadHandle && engine->close();
    engine.reset();
    ::_exit(is_refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  // Our locks still hold: another client that opens and closes does not think that it is alone and remove the log.
  RawSqlite(path_).run("SELECT count(*) FROM jfs_counter");
  EXPECT_EQ(bump_both(*engine, Commit::kDurable).value(), 2);
  EXPECT_EQ(both(*engine), 2);
}

}  // namespace
}  // namespace headrace::records
