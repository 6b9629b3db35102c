// SPDX-License-Identifier: Apache-2.0
#include "fuse/mountinfo.h"

#include <gtest/gtest.h>

namespace headrace::fuse {
namespace {

constexpr const char* kText =
    "22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
    "30 22 0:26 / /sys/fs/fuse/connections rw,relatime - fusectl none rw\n"
    "40 22 0:52 / /data rw,nosuid,nodev shared:12 master:3 - fuse.headrace training "
    "rw,user_id=0,group_id=0,default_permissions\n"
    "41 22 0:53 / /with\\040blank\\134and\\011tab rw - fuse.sshfs host:/x rw\n"
    "42 40 0:54 / /data rw - tmpfs tmpfs rw\n";

TEST(Mountinfo, EachFieldIsWhereTheKernelPutsIt) {
  const auto mounts = parse_mountinfo(kText);
  ASSERT_EQ(mounts.size(), 5u);
  const MountEntry& ours = mounts[2];
  EXPECT_EQ(ours.id, 40u);
  EXPECT_EQ(ours.parent_id, 22u);
  EXPECT_EQ(ours.major, 0u);
  EXPECT_EQ(ours.minor, 52u);
  EXPECT_EQ(ours.mount_point, "/data");
  EXPECT_EQ(ours.type, "fuse.headrace");
  EXPECT_EQ(ours.source, "training");
  EXPECT_TRUE(ours.is_ours() && ours.is_fuse());
  EXPECT_FALSE(mounts[1].is_fuse()) << "fusectl is none";
}

TEST(Mountinfo, EscapedPathsAreReadAsTheyAre) {
  const auto mounts = parse_mountinfo(kText);
  EXPECT_EQ(mounts[3].mount_point, "/with blank\\and\ttab");
  EXPECT_TRUE(mounts[3].is_fuse());
  EXPECT_FALSE(mounts[3].is_ours());
}

TEST(Mountinfo, TheLastMountAtAPathIsTheOneThatIsSeen) {
  const auto mounts = parse_mountinfo(kText);
  EXPECT_EQ(top_mount_at(mounts, "/data")->type, "tmpfs");
  EXPECT_FALSE(top_mount_at(mounts, "/dat").has_value());
}

TEST(Mountinfo, LinesThatAreNotOfTheFormAreLeftOut) {
  for (const char* line : {"", "x", "22 1 254:1 / / rw", "22 1 254:1 / / rw -", "22 1 254 / / rw - ext4 a rw",
                           "a 1 254:1 / / rw - ext4 a rw", "22 1 254:1 / relative rw - ext4 a rw",
                           "99999999999 1 0:1 / / rw - ext4 a rw", "22 1 0:1 / / rw shared:1 shared:2"}) {
    EXPECT_FALSE(parse_mountinfo_line(line).has_value()) << line;
  }
  EXPECT_TRUE(parse_mountinfo_line("22 1 0:1 / / rw - ext4  ").has_value()) << "a source may be empty";
}

TEST(Mountinfo, ThisProcessFindsWhereItsMountsAre) {
  const auto mounts = read_mountinfo();
  ASSERT_TRUE(mounts);
  EXPECT_TRUE(top_mount_at(*mounts, "/proc").has_value()) << "not the root: in a chroot there need be no mount at it";
}

}  // namespace
}  // namespace headrace::fuse
