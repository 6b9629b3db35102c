// SPDX-License-Identifier: Apache-2.0
#include "base/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace headrace {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

/// A machine of 1000 MiB, of which 600 are available, as its /proc and /sys show it.
class MemoryLimitTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "memory_limit_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    file("proc/meminfo", "MemTotal:        1024000 kB\nMemFree:          100000 kB\nMemAvailable:     614400 kB\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void file(const std::string& path, const std::string& text) {
    const std::filesystem::path full = root_ / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  /// A process in cgroup `path` of a v2 hierarchy whose `mount_root` is mounted.
  void version_2(const std::string& path, const std::string& mount_root = "/") {
    file("proc/self/cgroup", "0::" + path + "\n");
    file("proc/self/mountinfo", "22 1 0:21 / /proc rw - proc proc rw\n30 24 0:26 " + mount_root +
                                    " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  void version_1(const std::string& path, const std::string& mount_root = "/") {
    file("proc/self/cgroup", "5:cpu,cpuacct:/other\n4:memory:" + path + "\n1:name=systemd:/x\n0::/unified\n");
    file("proc/self/mountinfo", "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n32 24 0:28 " +
                                    mount_root +
                                    " /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n33 24 0:29 / "
                                    "/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  }
  MemoryUse use() {
    const Result<MemoryUse> use = MemoryLimit(root_.string()).use();
    EXPECT_TRUE(use) << use.error().text();
    return use.value_or(MemoryUse());
  }

  std::filesystem::path root_;
};

TEST_F(MemoryLimitTest, WithoutCgroupsTheMachineIsTheLimit) {
  const MemoryUse seen = use();
  EXPECT_EQ(seen.limit_bytes(), 1000 * kMiB);
  EXPECT_EQ(seen.left_bytes(), 600 * kMiB);
  EXPECT_FALSE(seen.cgroup_limit);
}

TEST_F(MemoryLimitTest, TheSmallestLimitOnTheWayUpCounts) {
  version_2("/pods/pod1/job");
  file("sys/fs/cgroup/memory.max", "max\n");
  file("sys/fs/cgroup/pods/memory.max", "943718400\n");
  file("sys/fs/cgroup/pods/pod1/memory.max", "209715200\n");
  file("sys/fs/cgroup/pods/pod1/memory.high", "max\n");
  file("sys/fs/cgroup/pods/pod1/memory.current", "157286400\n");
  file("sys/fs/cgroup/pods/pod1/memory.stat", "anon 1\nfile 2\ninactive_file 52428800\nactive_file 7\n");
  file("sys/fs/cgroup/pods/pod1/job/memory.max", "524288000\n");
  const MemoryUse seen = use();
  EXPECT_EQ(seen.limit_bytes(), 200 * kMiB);
  EXPECT_EQ(seen.cgroup_used, 150 * kMiB);
  EXPECT_EQ(seen.cgroup_reclaimable, 50 * kMiB);
  EXPECT_EQ(seen.left_bytes(), 100 * kMiB) << "page cache that is not in use counts as left";
}

TEST_F(MemoryLimitTest, WhatThrottlesIsALimitToo) {
  version_2("/job");
  file("sys/fs/cgroup/job/memory.max", "max\n");
  file("sys/fs/cgroup/job/memory.high", "104857600\n");
  EXPECT_EQ(use().limit_bytes(), 100 * kMiB);
}

TEST_F(MemoryLimitTest, ALimitAboveTheMachineIsNone) {
  version_2("/job");
  file("sys/fs/cgroup/job/memory.max", "9999999999999\n");
  EXPECT_EQ(use().limit_bytes(), 1000 * kMiB);
}

TEST_F(MemoryLimitTest, UsedMoreThanAllowedLeavesNothing) {
  version_2("/");
  file("sys/fs/cgroup/memory.max", "104857600\n");
  file("sys/fs/cgroup/memory.current", "209715200\n");
  EXPECT_EQ(use().left_bytes(), 0u);
}

TEST_F(MemoryLimitTest, AContainerWithoutACgroupNamespaceSeesItsOwnPart) {
  version_2("/kubepods/pod1/c1", "/kubepods/pod1/c1");
  file("sys/fs/cgroup/memory.max", "104857600\n");
  EXPECT_EQ(use().limit_bytes(), 100 * kMiB);
  version_2("/kubepods/pod1/c1/inner", "/kubepods/pod1/c1");
  file("sys/fs/cgroup/inner/memory.max", "52428800\n");
  EXPECT_EQ(use().limit_bytes(), 50 * kMiB);
  version_2("/kubepods/pod1/c10", "/kubepods/pod1/c1");
  EXPECT_EQ(use().limit_bytes(), 100 * kMiB) << "c10 is not below c1: the mount's root is the best there is";
}

TEST_F(MemoryLimitTest, TheFirstVersionIsReadToo) {
  version_1("/docker/abc");
  file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  file("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "314572800\n");
  file("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "104857600\n");
  file("sys/fs/cgroup/memory/docker/abc/memory.stat", "inactive_file 1\ntotal_inactive_file 10485760\n");
  const MemoryUse seen = use();
  EXPECT_EQ(seen.limit_bytes(), 300 * kMiB);
  EXPECT_EQ(seen.left_bytes(), 210 * kMiB);
}

TEST_F(MemoryLimitTest, NoLimitOfTheFirstVersionIsAHugeNumber) {
  version_1("/");
  file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_FALSE(use().cgroup_limit);
}

TEST_F(MemoryLimitTest, APathWithASpaceIsFound) {
  file("proc/self/cgroup", "0::/job\n");
  file("proc/self/mountinfo", "30 24 0:26 / /my\\040cgroups rw - cgroup2 cgroup2 rw\n");
  file("my cgroups/job/memory.max", "104857600\n");
  EXPECT_EQ(use().limit_bytes(), 100 * kMiB);
}

TEST_F(MemoryLimitTest, AMachineThatSaysNothingIsAnErrorAndNotZero) {
  file("proc/meminfo", "MemFree: 1 kB\n");
  EXPECT_EQ(MemoryLimit(root_.string()).use().code(), Code::kDamaged);
  std::filesystem::remove(root_ / "proc/meminfo");
  EXPECT_EQ(MemoryLimit(root_.string()).use().code(), Code::kNotFound);
}

TEST_F(MemoryLimitTest, RubbishInCgroupFilesCountsAsNoLimit) {
  for (const char* rubbish : {"", "::", "0::", "0:/", "4:memory", "\n\n:::\n"}) {
    file("proc/self/cgroup", rubbish);
    for (const char* mounts :
         {"", " - ", "1 2 3 - cgroup2", "1 2 3 / / - cgroup2 x rw\n", "1 2 3 \\ /\\04 - cgroup2 x rw\n"}) {
      file("proc/self/mountinfo", mounts);
      EXPECT_EQ(use().limit_bytes(), 1000 * kMiB) << rubbish << " " << mounts;
    }
  }
}

TEST_F(MemoryLimitTest, PressureIsOurCgroupsOrTheMachines) {
  constexpr const char* kLines =
      "some avg10=12.50 avg60=1.25 avg300=0.00 total=1\nfull avg10=5.00 avg60=0.50 avg300=0.00 total=1\n";
  EXPECT_EQ(MemoryLimit(root_.string()).pressure().code(), Code::kNotSupported);
  file("proc/pressure/memory",
       "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  EXPECT_EQ(MemoryLimit(root_.string()).pressure().value().some_10s, 0);
  version_2("/job");
  file("sys/fs/cgroup/job/memory.pressure", kLines);
  const MemoryPressure pressure = MemoryLimit(root_.string()).pressure().value();
  EXPECT_DOUBLE_EQ(pressure.some_10s, 0.125);
  EXPECT_DOUBLE_EQ(pressure.some_60s, 0.0125);
  EXPECT_DOUBLE_EQ(pressure.full_10s, 0.05);
  EXPECT_DOUBLE_EQ(pressure.full_60s, 0.005);
  file("sys/fs/cgroup/job/memory.pressure", "rubbish\n");
  EXPECT_EQ(MemoryLimit(root_.string()).pressure().code(), Code::kDamaged);
}

TEST(MemoryLimit, ThisMachineHasMemory) {
  const Result<MemoryUse> use = MemoryLimit().use();
  ASSERT_TRUE(use) << use.error().text();
  EXPECT_GT(use->limit_bytes(), 64 * kMiB);
  EXPECT_LE(use->left_bytes(), use->machine_bytes);
}

}  // namespace
}  // namespace headrace
