// SPDX-License-Identifier: Apache-2.0
// What can be said of mounting without mounting; real_mount_test.cc mounts.
#include "fuse/mount.h"

#include <gtest/gtest.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/event.h"
#include "fuse/mount_probe.h"
#include "fuse/mount_roads.h"

namespace headrace::fuse {
namespace {

TEST(AllowOther, TheLineIsNamed) {
  EXPECT_TRUE(check_user_allow_other("# a comment\n  user_allow_other  \n"));
  const auto commented = check_user_allow_other("# about\n\n#user_allow_other\n");
  ASSERT_FALSE(commented);
  EXPECT_NE(commented.error().message.find("line 3"), std::string::npos) << commented.error().message;
  const auto missing =
      check_user_allow_other("# user_allow_other - Using the allow_other mount option works fine as root\n");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("add the line"), std::string::npos);
  EXPECT_EQ(check_user_allow_other("").error().code, Code::kNotPermitted);
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/headrace_mount_test_XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() {
    unlink((path + "/file").c_str());
    rmdir(path.c_str());
  }
  std::string path;
};

constexpr Duration kLimit = std::chrono::seconds(10);

TEST(ProbePath, TellsWhatIsThere) {
  const Folder folder;
  std::fclose(std::fopen((folder.path + "/file").c_str(), "w"));
  EXPECT_EQ(*probe_path(folder.path, kLimit), PathState::kDirectory);
  EXPECT_EQ(*probe_path(folder.path + "/file", kLimit), PathState::kOther);
  EXPECT_EQ(*probe_path(folder.path + "/file/below", kLimit), PathState::kOther);
  EXPECT_EQ(*probe_path(folder.path + "/nothing", kLimit), PathState::kMissing);
}

TEST(CanonicalMountPoint, TheLastNameIsNotLookedAt) {
  const Folder folder;
  EXPECT_EQ(*canonical_mount_point(folder.path + "/./gone//"), folder.path + "/gone");
  EXPECT_EQ(*canonical_mount_point("/nothing"), "/nothing");
  EXPECT_FALSE(canonical_mount_point("/"));
  EXPECT_FALSE(canonical_mount_point(folder.path + "/.."));
  EXPECT_FALSE(canonical_mount_point("/no such folder/x"));
}

TEST(Mount, RefusalsSayWhatToDo) {
  const Folder folder;
  const Log log(STDERR_FILENO, LogLevel::kOff);
  std::fclose(std::fopen((folder.path + "/file").c_str(), "w"));
  const auto refusal = [&log](const std::string& mount_point, const std::string& source = "s") {
    const auto mounted = mount_fuse(Scope{}, log, {.mount_point = mount_point, .source = source});
    EXPECT_FALSE(mounted);
    return mounted.error();
  };
  const Error missing = refusal(folder.path + "/missing");
  EXPECT_EQ(missing.code, Code::kNotFound);
  EXPECT_NE(missing.message.find("mkdir -p"), std::string::npos);
  EXPECT_EQ(refusal(folder.path + "/file").code, Code::kNotDirectory);
  EXPECT_EQ(refusal("").code, Code::kInvalid);
  EXPECT_EQ(refusal(folder.path, "a,suid").code, Code::kInvalid) << "an option would be smuggled in";
}

TEST(Unmount, NothingMountedIsSaid) {
  const Folder folder;
  EXPECT_EQ(unmount_fuse(folder.path, UnmountMode::kLazy).error().code, Code::kInvalid);
  EXPECT_EQ(unmount_fuse("/proc", UnmountMode::kLazy).error().code, Code::kInvalid) << "no FUSE file system";
  const auto freed = free_dead_mount(Scope{}, folder.path);
  ASSERT_TRUE(freed);
  EXPECT_FALSE(*freed);
}

}  // namespace
}  // namespace headrace::fuse
