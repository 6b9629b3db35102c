// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "object/testing/temporary_directory.h"

namespace headrace::cli {
namespace {

BenchSettings small_settings(const object::TemporaryDirectory& folder) {
  BenchSettings settings;
  settings.folder = folder / "bench";
  settings.threads = 2;
  settings.big_bytes = (1u << 20) + 3;
  settings.block_bytes = 64u << 10;
  settings.small_bytes = 1001;
  settings.small_count = 5;
  return settings;
}

TEST(Bench, EveryMeasurementIsMadeEveryByteComparedAndTheFolderIsGone) {
  SystemScheduler scheduler;
  object::TemporaryDirectory folder;
  const BenchSettings settings = small_settings(folder);
  std::vector<std::string> steps;
  const auto result = run_bench({}, scheduler, settings, [&steps](const std::string& name) { steps.push_back(name); });
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(steps,
            (std::vector<std::string>{"write big file", "read big file", "read big file again", "write small file",
                                      "read small file", "read small file again", "stat file"}));
  ASSERT_EQ(result->items.size(), steps.size());
  for (const BenchItem& item : result->items) {
    EXPECT_GT(item.per_second, 0) << item.name;
    EXPECT_GT(item.seconds_each, 0) << item.name;
  }
  EXPECT_EQ(result->verified_bytes, 2 * 2 * (settings.big_bytes + 5 * settings.small_bytes));
  EXPECT_FALSE(std::filesystem::exists(settings.folder));
}

TEST(Bench, AWrongByteFailsTheMeasurement) {
  SystemScheduler scheduler;
  object::TemporaryDirectory folder;
  const BenchSettings settings = small_settings(folder);
  const auto result = run_bench({}, scheduler, settings, [&](const std::string& name) {
    if (name != "read small file") return;
    const int fd = open((settings.folder + "/small-1-3").c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(pwrite(fd, "!", 1, 500), 1);
    close(fd);
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.code(), Code::kDamaged);
  EXPECT_NE(result.error().message.find("small-1-3"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(settings.folder));
}

TEST(Bench, WhatIsNotWantedIsNotMeasuredAndAnExistingFolderIsLeftAlone) {
  SystemScheduler scheduler;
  object::TemporaryDirectory folder;
  BenchSettings settings = small_settings(folder);
  settings.big_bytes = 0;
  const auto result = run_bench({}, scheduler, settings, [](const std::string&) {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->items.front().name, "write small file");
  ASSERT_TRUE(std::filesystem::create_directories(settings.folder + "/mine"));
  EXPECT_EQ(run_bench({}, scheduler, settings, [](const std::string&) {}).code(), Code::kExists);
  EXPECT_TRUE(std::filesystem::exists(settings.folder + "/mine"));
  EXPECT_GT(memory_copy_rate(scheduler.clock()), 1e6);
}

}  // namespace
}  // namespace headrace::cli
