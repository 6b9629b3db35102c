// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

TEST(SessionInfo, TellsWhatTheRealClientTells) {
  const auto info = nlohmann::json::parse(describe_session("/data", {1787306460, 123000000}));
  EXPECT_EQ(info["Version"], kClientVersion);
  EXPECT_EQ(info["MountPoint"], "/data");
  EXPECT_EQ(info["MountTime"], "2026-08-21T10:01:00.123Z");
  EXPECT_EQ(info["ProcessID"], ::getpid());
  EXPECT_FALSE(info["HostName"].get<std::string>().empty());
  EXPECT_TRUE(!info.contains("IPAddrs") || !info["IPAddrs"].empty());
}

TEST(SessionInfo, AWholeSecondHasNoFraction) {
  const auto info = nlohmann::json::parse(describe_session("", {1787306460, 0}));
  EXPECT_EQ(info["MountTime"], "2026-08-21T10:01:00Z");
}

TEST(SessionInfo, AMountPointThatIsNoTextDoesNotStopIt) { EXPECT_FALSE(describe_session("\xff\xfe", {0, 0}).empty()); }

}  // namespace
}  // namespace headrace::meta
