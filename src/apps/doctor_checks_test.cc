// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor_checks.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace headrace::apps {
namespace {

DoctorFacts good_machine() {
  DoctorFacts facts;
  facts.host = {.kernel_release = "6.18.1",
                .has_device = true,
                .device_error = "",
                .has_admin_capability = true,
                .is_first_user_namespace = true,
                .uring_enabled = true};
  facts.has_mount_helper = facts.is_root = facts.has_fusectl = facts.has_pressure = true;
  facts.open_files_max = 1u << 20;
  MemoryUse use;
  use.machine_bytes = use.available_bytes = 16ull << 30;
  facts.memory = use;
  facts.tier_place = "tmpfs with huge pages";
  facts.sqlite_version = "3.52.0";
  return facts;
}

Check check(const DoctorFacts& facts, std::string_view name) {
  const auto checks = machine_checks(facts);
  const auto found = std::ranges::find(checks, name, &Check::name);
  return found == checks.end() ? Check{"missing", Health::kOk, "", ""} : *found;
}

TEST(Doctor, AGoodMachineHasNothingToWarnOf) {
  for (const Check& one : machine_checks(good_machine())) {
    EXPECT_TRUE(one.health == Health::kOk || one.health == Health::kNote) << one.name << ": " << one.what;
  }
}

TEST(Doctor, WithoutADeviceOrAWayToMountItFails) {
  DoctorFacts facts = good_machine();
  facts.host.has_device = false;
  facts.host.device_error = "open /dev/fuse: no such file or directory";
  EXPECT_EQ(check(facts, "/dev/fuse").health, Health::kFail);
  EXPECT_FALSE(check(facts, "/dev/fuse").remedy.empty());
  facts = good_machine();
  facts.host.has_admin_capability = facts.has_mount_helper = false;
  EXPECT_EQ(check(facts, "mounting").health, Health::kFail);
  facts.has_mount_helper = true;
  EXPECT_EQ(check(facts, "mounting").health, Health::kWarn);
  EXPECT_EQ(check(facts, "passthrough").health, Health::kWarn);
}

TEST(Doctor, AnOldKernelHasNoPassthroughAndTheReasonIsSaid) {
  DoctorFacts facts = good_machine();
  facts.host.kernel_release = "6.1.0-32-amd64";
  const Check seen = check(facts, "passthrough");
  EXPECT_EQ(seen.health, Health::kWarn);
  EXPECT_NE(seen.what.find("6.9"), std::string::npos) << seen.what;
}

TEST(Doctor, SmallLimitsAreWarnedOf) {
  DoctorFacts facts = good_machine();
  facts.open_files_max = 1024;
  facts.memory->cgroup_limit = 256u << 20;
  facts.memory->cgroup_used = 100u << 20;
  facts.has_fusectl = false;
  facts.tier_place = "none";
  for (const char* const name : {"open files", "memory", "fusectl", "node tier"}) {
    EXPECT_EQ(check(facts, name).health, Health::kWarn) << name;
    EXPECT_FALSE(check(facts, name).remedy.empty()) << name;
  }
}

TEST(Doctor, OtherUsersNeedALineOfTheirOwnInFuseConf) {
  DoctorFacts facts = good_machine();
  facts.is_root = false;
  facts.fuse_conf = "# user_allow_other\n#user_allow_other\n";
  EXPECT_EQ(check(facts, "allow_other").health, Health::kNote);
  facts.fuse_conf += "user_allow_other \n";
  EXPECT_EQ(check(facts, "allow_other").health, Health::kOk);
}

TEST(Doctor, AnOldSQLiteIsNamed) {
  DoctorFacts facts = good_machine();
  facts.sqlite_version = "3.40.1";
  facts.sqlite_needs_guard = true;
  EXPECT_EQ(check(facts, "SQLite").health, Health::kNote);
  EXPECT_NE(check(facts, "SQLite").what.find("3.40.1"), std::string::npos);
}

TEST(Doctor, ThisMachineCanBeLookedAt) {
  const Log log(2, LogLevel::kOff);
  const DoctorFacts facts = look_at_machine(log, "/usr/bin:/bin");
  EXPECT_FALSE(facts.host.kernel_release.empty());
  EXPECT_TRUE(facts.memory);
  EXPECT_GT(facts.open_files_max, 0u);
  EXPECT_FALSE(facts.sqlite_version.empty());
  EXPECT_FALSE(facts.tier_place.empty());
}

}  // namespace
}  // namespace headrace::apps
