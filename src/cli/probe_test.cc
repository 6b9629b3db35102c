// SPDX-License-Identifier: Apache-2.0
#include "cli/probe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "object/testing/temporary_directory.h"

namespace headrace::cli {
namespace {

class ProbeTest : public testing::Test {
 protected:
  Scope within(Duration length) const { return {scheduler_.clock().now() + length, {}}; }
  SystemScheduler scheduler_;
  object::TemporaryDirectory folder_;
};

TEST_F(ProbeTest, SeesWhatStatSees) {
  std::ofstream(folder_ / "file") << "12345";
  const auto seen = look_at(within(std::chrono::seconds(20)), scheduler_, folder_ / "file");
  ASSERT_TRUE(seen) << seen.error().text();
  struct stat info;
  ASSERT_EQ(lstat((folder_ / "file").c_str(), &info), 0);
  EXPECT_EQ(seen->ino, info.st_ino);
  EXPECT_EQ(seen->mode, info.st_mode);
  EXPECT_EQ(seen->size, 5u);
}

TEST_F(ProbeTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(look_at(within(std::chrono::seconds(20)), scheduler_, folder_ / "none").code(), Code::kNotFound);
  EXPECT_EQ(read_file(within(std::chrono::seconds(20)), scheduler_, folder_ / "none", 10).code(), Code::kNotFound);
}

TEST_F(ProbeTest, AFileIsReadWholeOrUpToTheBound) {
  const std::string text(300'000, 'x');
  std::ofstream(folder_ / "file") << text;
  EXPECT_EQ(read_file(within(std::chrono::seconds(20)), scheduler_, folder_ / "file", 1u << 20).value_or(""), text);
  EXPECT_EQ(read_file(within(std::chrono::seconds(20)), scheduler_, folder_ / "file", 1000).value_or(""),
            text.substr(0, 1000));
}

TEST_F(ProbeTest, AFileThatDoesNotAnswerIsGivenUpAtTheDeadline) {
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);  // opening it for reading waits for a writer
  const Moment before = scheduler_.clock().now();
  EXPECT_EQ(read_file(within(std::chrono::milliseconds(200)), scheduler_, folder_ / "pipe", 10).code(),
            Code::kTimedOut);
  EXPECT_GE(scheduler_.clock().now() - before, std::chrono::milliseconds(200));
}

TEST_F(ProbeTest, AStopEndsTheWaiting) {
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  std::stop_source stop;
  stop.request_stop();
  const Scope scope{scheduler_.clock().now() + std::chrono::seconds(60), stop.get_token()};
  EXPECT_EQ(read_file(scope, scheduler_, folder_ / "pipe", 10).code(), Code::kInterrupted);
}

}  // namespace
}  // namespace headrace::cli
