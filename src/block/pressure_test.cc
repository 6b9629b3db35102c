// SPDX-License-Identifier: Apache-2.0
#include "block/pressure.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "object/testing/temporary_directory.h"

namespace headrace::block {
namespace {

constexpr std::uint64_t kGiB = 1ull << 30;

MemoryUse machine(std::uint64_t total, std::uint64_t available) {
  MemoryUse use;
  use.machine_bytes = total;
  use.available_bytes = available;
  return use;
}

TEST(Pressure, WithEnoughLeftNothingIsGivenBack) {
  EXPECT_EQ(bytes_to_give_back(machine(16 * kGiB, 8 * kGiB), std::nullopt, 4 * kGiB, {}), 0u);
  EXPECT_EQ(bytes_to_give_back(machine(16 * kGiB, kGiB), MemoryPressure{}, 4 * kGiB, {}), 0u) << "exactly the reserve";
}

TEST(Pressure, WhatIsMissingFromTheReserveIsGivenBack) {
  EXPECT_EQ(bytes_to_give_back(machine(16 * kGiB, kGiB / 4), std::nullopt, 4 * kGiB, {}), 3 * kGiB / 4);
  EXPECT_EQ(bytes_to_give_back(machine(16 * kGiB, 0), std::nullopt, kGiB / 2, {}), kGiB / 2) << "no more than there is";
  EXPECT_EQ(bytes_to_give_back(machine(1024 * kGiB, kGiB), std::nullopt, 100 * kGiB, {}), kGiB)
      << "the reserve has a maximum";
}

TEST(Pressure, ACgroupsLimitCountsLikeAMachines) {
  MemoryUse use = machine(64 * kGiB, 60 * kGiB);
  use.cgroup_limit = 8 * kGiB;
  use.cgroup_used = 8 * kGiB;
  use.cgroup_reclaimable = kGiB / 4;
  EXPECT_EQ(bytes_to_give_back(use, std::nullopt, 4 * kGiB, {}), kGiB / 4);
}

TEST(Pressure, SufferingTasksGetASixteenthEachTime) {
  const MemoryUse plenty = machine(16 * kGiB, 8 * kGiB);
  EXPECT_EQ(bytes_to_give_back(plenty, MemoryPressure{.some_10s = 0.11}, 4 * kGiB, {}), kGiB / 4);
  EXPECT_EQ(bytes_to_give_back(plenty, MemoryPressure{.full_10s = 0.03}, 4 * kGiB, {}), kGiB / 4);
  EXPECT_EQ(bytes_to_give_back(plenty, MemoryPressure{.some_10s = 0.09, .full_10s = 0.01}, 4 * kGiB, {}), 0u);
}

TEST(Pressure, AWatchedTierShrinksWhenTheMachineRunsShort) {
  object::TemporaryDirectory root;
  std::filesystem::create_directories(root / "proc/self");
  const auto show_available = [&](std::uint64_t kib) {
    std::ofstream(root / "meminfo.new") << "MemTotal: 1048576 kB\nMemFree: 1 kB\nMemAvailable: " << kib << " kB\n";
    std::filesystem::rename(root / "meminfo.new", root / "proc/meminfo");
  };
  show_available(1'000'000);
  SystemScheduler scheduler;
  const Log log(STDERR_FILENO, LogLevel::kError);
  const auto tier = new_node_tier(log, {.bytes_max = 64u << 20});
  for (std::uint64_t slice = 1; slice <= 8; ++slice)
    tier->put_block({SliceId{slice}, 0, 4u << 20}, bytes_of(std::string(4u << 20, 'x')));
  const MemoryLimit limit(root.path());
  PressureWatcher watcher(scheduler, log, *tier, limit, {.interval = std::chrono::milliseconds(1)});
  EXPECT_EQ(tier->stats().used_bytes, 32u << 20);
  show_available(65'536 - 8'192);  // the reserve is 64 MiB: eight are missing
  const Moment end = scheduler.clock().now() + std::chrono::seconds(30);
  while (tier->stats().used_bytes > 0 && scheduler.clock().now() < end) std::this_thread::yield();
  EXPECT_EQ(tier->stats().used_bytes, 0u) << "it goes on while memory stays short";
  watcher.close();
  EXPECT_EQ(watcher.given_back_bytes(), 32u << 20);
  watcher.close();
}

}  // namespace
}  // namespace headrace::block
