// SPDX-License-Identifier: Apache-2.0
#include "fuse/lanes.h"

#include <gtest/gtest.h>

#include <fcntl.h>

#include "fuse/lane_policy.h"
#include "fuse/request.h"

namespace headrace::fuse {
namespace {

using Passthrough = LaneChoice::Passthrough;

TEST(Lanes, TheOptionSaysWhatAMountMayUse) {
  EXPECT_EQ(parse_lanes("")->passthrough, Passthrough::kIfPossible);
  EXPECT_EQ(parse_lanes("auto")->passthrough, Passthrough::kIfPossible);
  EXPECT_EQ(parse_lanes("classic")->passthrough, Passthrough::kOff);
  EXPECT_EQ(parse_lanes("passthrough,classic")->passthrough, Passthrough::kRequired);
  EXPECT_EQ(parse_lanes(" classic , passthrough ")->passthrough, Passthrough::kRequired);
}

TEST(Lanes, WhatCannotBeIsRefusedWithWhatCan) {
  const std::pair<const char*, const char*> rows[] = {
      {"io_uring,classic", "not in this version"},
      {"passthrough", "classic cannot be left out"},
      {"turbo", "no lane 'turbo'"},
      {"auto,classic", "auto stands alone"},
      {"classic,", "no lane ''"},
  };
  for (const auto& [text, words] : rows) {
    const auto choice = parse_lanes(text);
    ASSERT_FALSE(choice) << text;
    EXPECT_EQ(choice.code(), Code::kInvalid);
    EXPECT_NE(choice.error().message.find(words), std::string::npos) << choice.error().message;
  }
}

HostFacts good_host() {
  HostFacts host;
  host.kernel_release = "6.18.44";
  host.has_device = host.has_admin_capability = host.is_first_user_namespace = true;
  return host;
}

TEST(Lanes, AMissingLaneSaysWhatToDo) {
  EXPECT_TRUE(report_lanes(good_host(), {}, nullptr).passthrough.is_on);
  const auto why_not = [](const HostFacts& host, const LaneChoice& choice = {},
                          const Negotiated* connection = nullptr) {
    const LaneReport report = report_lanes(host, choice, connection);
    EXPECT_FALSE(report.passthrough.is_on);
    return report.passthrough.why;
  };
  HostFacts host = good_host();
  host.kernel_release = "6.8.0-41-generic";
  EXPECT_NE(why_not(host).find("Linux 6.9"), std::string::npos);
  host.kernel_release = "5.15.0";
  EXPECT_NE(why_not(host).find("Linux 6.9"), std::string::npos);
  host = good_host();
  host.has_admin_capability = false;
  EXPECT_NE(why_not(host).find("CAP_SYS_ADMIN"), std::string::npos);
  host = good_host();
  host.is_first_user_namespace = false;
  EXPECT_NE(why_not(host).find("user namespace"), std::string::npos);
  EXPECT_NE(why_not(good_host(), {Passthrough::kOff}).find("--lanes"), std::string::npos);
  const Negotiated without = *negotiate(Offer{7, 45, 0, 0}, Wish{});
  EXPECT_NE(why_not(good_host(), {}, &without).find("CONFIG_FUSE_PASSTHROUGH"), std::string::npos);
}

TEST(Lanes, AConnectionSaysWhatItSpeaks) {
  const Negotiated now = *negotiate(Offer{7, 45, 0, ~std::uint64_t{0}}, Wish{});
  const LaneReport report = report_lanes(good_host(), {}, &now);
  EXPECT_EQ(report.protocol, "7.45");
  EXPECT_TRUE(report.passthrough.is_on);
  EXPECT_TRUE(report.classic.is_on);
  EXPECT_FALSE(report.io_uring.is_on);
}

TEST(Lanes, AHostWithoutTheDeviceHasNoLaneAtAll) {
  HostFacts host = good_host();
  host.has_device = false;
  host.device_error = "open /dev/fuse: no such file or directory";
  const LaneReport report = report_lanes(host, {}, nullptr);
  EXPECT_FALSE(report.classic.is_on);
  EXPECT_EQ(report.classic.why, host.device_error);
}

constexpr LaneLimits kLimits{.threads_max = 8, .readers_max = 2, .cpus = 4};

TEST(LanePolicy, OneJobIsServedByOneThread) {
  ReadHistory history;
  for (int i = 0; i < 100; ++i) {
    history.note(false);
    EXPECT_FALSE(wants_help(history, 0, 1, kLimits));
  }
}

TEST(LanePolicy, RequestsThatKeepWaitingCallAnotherReader) {
  ReadHistory history;
  for (unsigned i = 0; i < kReadsWaitingForHelp; ++i) {
    EXPECT_FALSE(wants_help(history, 0, 1, kLimits));
    history.note(true);
  }
  EXPECT_TRUE(wants_help(history, 0, 1, kLimits));
  EXPECT_FALSE(wants_help(history, 1, 1, kLimits)) << "another one reads already";
  EXPECT_FALSE(wants_help(history, 0, 4, kLimits)) << "every processor is busy";
  history.note(false);
  EXPECT_FALSE(wants_help(history, 0, 1, kLimits));
}

TEST(LanePolicy, TheLastReaderNeverRests) {
  ReadHistory history;
  for (int i = 0; i < 100; ++i) history.note(false);
  EXPECT_FALSE(may_rest(history, 0, kLimits));
  EXPECT_TRUE(may_rest(history, 1, kLimits));
  history.note(true);
  EXPECT_FALSE(may_rest(history, 1, kLimits));
  EXPECT_TRUE(may_rest(history, 2, kLimits)) << "two are enough to wait at the device";
}

TEST(LanePolicy, WhoIsNeverLuckyLooksRarely) {
  SpinHistory history;
  unsigned looks = 0;
  for (int request = 0; request < 6700; ++request) {
    if (!history.is_worth_it()) continue;
    ++looks;
    history.note(false);
  }
  EXPECT_NEAR(looks, 6700 / SpinHistory::kPassedBy, 5);
  while (!history.is_worth_it()) {
  }
  history.note(true);
  for (int request = 0; request < 100; ++request) {
    EXPECT_TRUE(history.is_worth_it()) << "once lucky, always looking";
    history.note(request % SpinHistory::kMissesMax == 0);
  }
  EXPECT_EQ(default_lane_limits(1).spin, Duration()) << "whoever would ask needs the only processor";
  EXPECT_GT(default_lane_limits(2).spin, Duration());
}

TEST(LanePolicy, ALargeRequestTakesItsTimeToCopy) {
  EXPECT_TRUE(was_waiting(std::chrono::microseconds(2), 80));
  EXPECT_FALSE(was_waiting(std::chrono::microseconds(30), 80));
  EXPECT_TRUE(was_waiting(std::chrono::microseconds(300), 1 << 20));
  EXPECT_FALSE(was_waiting(std::chrono::milliseconds(5), 1 << 20));
}

TEST(LanePolicy, WhatChangesNamesRunsToItsEnd) {
  const auto may = [](std::uint32_t opcode, Ask ask = UnservedAsk{}) {
    return may_be_interrupted(Request{{opcode, 2, 1, 0, 0, 0}, std::move(ask), 0, {}});
  };
  for (const std::uint32_t opcode :
       {FUSE_MKDIR, FUSE_MKNOD, FUSE_CREATE, FUSE_RENAME, FUSE_RENAME2, FUSE_LINK, FUSE_SYMLINK, FUSE_UNLINK,
        FUSE_RMDIR, FUSE_SETATTR, FUSE_SETXATTR, FUSE_REMOVEXATTR, FUSE_TMPFILE, FUSE_COPY_FILE_RANGE, FUSE_FALLOCATE,
        FUSE_RELEASE}) {
    EXPECT_FALSE(may(opcode)) << name_of_opcode(opcode);
  }
  for (const std::uint32_t opcode : {FUSE_READ, FUSE_LOOKUP, FUSE_SETLKW, FUSE_FSYNC, FUSE_WRITE})
    EXPECT_TRUE(may(opcode)) << name_of_opcode(opcode);
  EXPECT_TRUE(may(FUSE_OPEN, OpenAsk{O_RDWR, false}));
  EXPECT_FALSE(may(FUSE_OPEN, OpenAsk{O_RDWR | O_TRUNC, false}));
}

TEST(LanePolicy, OnlyALockMayWaitForEver) {
  for (std::uint32_t opcode = 0; opcode < kOpcodeCount; ++opcode) {
    EXPECT_EQ(time_limit_of(opcode) == Duration::max(), opcode == FUSE_SETLKW) << opcode;
  }
}

}  // namespace
}  // namespace headrace::fuse
