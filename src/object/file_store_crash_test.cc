// SPDX-License-Identifier: Apache-2.0
// A writer is killed (SIGKILL) at a random moment: every object is whole, and every put that had returned is there. The
// writer is this program again, so that it has threads of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <thread>

#include "base/checksum.h"
#include "object/file_store.h"
#include "object/testing/conformance.h"
#include "object/testing/temporary_directory.h"

namespace headrace::object {
namespace {

constexpr char kDirectoryVariable[] = "HEADRACE_TEST_CRASH_DIRECTORY";
constexpr int kReportDescriptor = 9;
constexpr int kWriters = 4;

/// What a writer reports when a put has returned.
struct Report {
  std::uint32_t key = 0, version = 0;
};

std::string key_name(std::uint32_t key) { return "v/d" + std::to_string(key % 3) + "/k" + std::to_string(key); }

/// Begins with its key, version, length and checksum.
std::string content(std::uint32_t key, std::uint32_t version) {
  std::string body(1000 + (version * 7919) % 200'000, static_cast<char>('a' + version % 26));
  std::string bytes;
  for (const std::uint32_t number : {key, version, static_cast<std::uint32_t>(body.size()), crc32c(bytes_of(body))})
    append_big_endian(bytes, number);
  return bytes + body;
}

/// The version an object holds, or nothing when it is not one that was put.
std::optional<std::uint32_t> version_of(const std::string& bytes, std::uint32_t key) {
  if (bytes.size() < 16 || load_big_endian<std::uint32_t>(bytes.data()) != key) return std::nullopt;
  const auto version = load_big_endian<std::uint32_t>(bytes.data() + 4);
  if (bytes != content(key, version)) return std::nullopt;
  return version;
}

// Disabled: it runs only as the child of the test below.
TEST(FileStoreCrashChild, DISABLED_WritesUntilItIsKilled) {
  const char* directory = std::getenv(kDirectoryVariable);
  ASSERT_NE(directory, nullptr) << "this is no test by itself";
  SystemScheduler scheduler;
  const auto store = FileStore::open(directory, scheduler).value();
  std::vector<std::jthread> threads;
  for (std::uint32_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (std::uint32_t version = 1;; ++version) {
        const std::uint32_t key = writer * 10 + version % 10;
        const std::string bytes = content(key, version);
        const ByteSpan part = bytes_of(bytes);
        if (!store->put(Scope{}, key_name(key), std::span(&part, 1))) ::_exit(1);
        const Report report{key, version};
        if (::write(kReportDescriptor, &report, sizeof report) != sizeof report) ::_exit(2);
      }
    });
  }
}

class Child {
 public:
  explicit Child(const std::string& directory) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reports_.reset(ends[0]);
    const UniqueFd write_end(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), kReportDescriptor);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    std::string program = "/proc/self/exe", filter = "--gtest_filter=FileStoreCrashChild.*",
                disabled = "--gtest_also_run_disabled_tests";
    char* const arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
    ::setenv(kDirectoryVariable, directory.c_str(), 1);
    EXPECT_EQ(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ), 0);
    ::unsetenv(kDirectoryVariable);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  ~Child() { kill(); }

  /// Nothing when the child has ended.
  std::optional<Report> next_report() {
    Report report;
    const ssize_t got = ::read(reports_.get(), &report, sizeof report);
    if (got != sizeof report) return std::nullopt;
    return report;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  UniqueFd reports_;
};

TEST(FileStoreCrash, AKilledWriterLeavesWholeObjectsAndAllThatItWasPromised) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  SystemScheduler scheduler;
  int in_flight = 0;
  for (int round = 0; round < 8; ++round) {
    TemporaryDirectory directory;
    std::map<std::uint32_t, std::uint32_t> promised;
    {
      Child child(directory.path());
      const auto note = [&](const Report& report) {
        promised[report.key] = std::max(promised[report.key], report.version);
      };
      for (std::uint64_t left = 5 + rng.below(100); left > 0; --left) {
        const auto report = child.next_report();
        ASSERT_TRUE(report) << "the writer ended by itself";
        note(*report);
      }
      const Moment end = scheduler.clock().now() + std::chrono::microseconds(rng.below(3000));
      while (scheduler.clock().now() < end) std::this_thread::yield();
      child.kill();
      while (const auto report = child.next_report()) note(*report);
    }
    const auto store = FileStore::open(directory.path(), scheduler).value();
    for (const ObjectInfo& object : store->list(Scope{}, "", "", 1000).value().objects) {
      if (is_temporary_key(object.key)) {
        ++in_flight;
        continue;
      }
      const auto key = static_cast<std::uint32_t>(std::stoul(object.key.substr(object.key.rfind('k') + 1)));
      std::string bytes(object.size, '\0');
      ASSERT_TRUE(store->get(Scope{}, object.key, 0, std::as_writable_bytes(std::span(bytes))));
      const auto version = version_of(bytes, key);
      ASSERT_TRUE(version) << object.key << " holds what was never put";
      EXPECT_GE(*version, promised[key]) << object.key;
      promised.erase(key);
    }
    for (const auto& [key, version] : promised) EXPECT_EQ(version, 0u) << key_name(key) << " was put and is not there";
  }
  EXPECT_GT(in_flight, 0) << "no writer was killed in the middle of a put: the test said nothing";
}

}  // namespace
}  // namespace headrace::object
