// SPDX-License-Identifier: Apache-2.0
#include "metrics/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "metrics/exposition.h"

namespace headrace::metrics {
namespace {

class ProcTree : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "process_metrics_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    std::filesystem::create_directories(root_ / "self/fd");
    file("self/statm", "1000 250 30 40 0 50 0\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void file(const std::string& path, const std::string& text) { std::ofstream(root_ / path) << text; }

  std::filesystem::path root_;
};

TEST_F(ProcTree, ANameWithSpacesAndParenthesesDoesNotShiftTheFields) {
  file("self/stat", "42 (a) 9 (x y) S 1 42 42 0 -1 4194560 1 0 0 0 300 150 0 0 20 0 7 0 100 200 300\n");
  for (const char* fd : {"0", "1", "2", "3"}) file(std::string("self/fd/") + fd, "");
  const Result<ProcessNumbers> numbers = read_process_numbers(root_.string());
  ASSERT_TRUE(numbers) << numbers.error().text();
  EXPECT_EQ(numbers->cpu_time, std::chrono::milliseconds(4500));
  EXPECT_EQ(numbers->threads, 7u);
  EXPECT_EQ(numbers->resident_bytes, 250u * 4096);
  EXPECT_EQ(numbers->open_fds, 3u) << "without the one that looks";
}

TEST_F(ProcTree, WhatIsNotAsExpectedIsAnErrorAndNotAZero) {
  for (const char* stat : {"", "42 (name", "42 (name) S 1 2 3", "42 (n) S a b c d e f g h i j k l m n o p q r"}) {
    file("self/stat", stat);
    EXPECT_EQ(read_process_numbers(root_.string()).code(), Code::kDamaged) << stat;
  }
  EXPECT_EQ(read_process_numbers((root_ / "nothing").string()).code(), Code::kNotFound);
}

TEST(ProcessNumbers, AreThoseOfThisProcess) {
  const ProcessNumbers before = read_process_numbers().value();
  EXPECT_GT(before.resident_bytes, 1u << 20);
  EXPECT_LT(before.resident_bytes, 1ull << 40);
  EXPECT_GE(before.threads, 1u);
  const UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_process_numbers().value().open_fds, before.open_fds + 1);
  volatile std::uint64_t work = 0;
  const SystemClock clock;
  const Moment give_up = clock.now() + std::chrono::seconds(60);
  while (read_process_numbers().value().cpu_time == before.cpu_time && clock.now() < give_up) {
    for (int i = 0; i < 1'000'000; ++i) work = work + 1;
  }
  EXPECT_GT(read_process_numbers().value().cpu_time, before.cpu_time);
}

TEST(ProcessMetrics, CountItselfWhileItLives) {
  Registry registry;
  ManualClock clock;
  {
    const ProcessMetrics metrics(registry, clock, "1.2.3");
    clock.advance(std::chrono::milliseconds(2500));
    const std::string text = metrics_text(registry, TextFormat::kPrometheus);
    EXPECT_NE(text.find("juicefs_uptime 2.5\n"), text.npos) << text;
    EXPECT_NE(text.find("headrace_build_info{version=\"1.2.3\"} 1\n"), text.npos) << text;
    EXPECT_EQ(text.find("NaN"), text.npos) << text;
    for (const char* name :
         {"juicefs_memory ", "juicefs_cpu_usage ", "headrace_process_open_fds ", "headrace_process_threads "}) {
      EXPECT_NE(text.find(std::string("\n") + name), text.npos) << name;
    }
  }
  EXPECT_TRUE(registry.collect().empty());
}

}  // namespace
}  // namespace headrace::metrics
