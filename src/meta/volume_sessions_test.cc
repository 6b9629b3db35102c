// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::Whole;
using testing::root;
using testing::TestVolume;

constexpr LockOwner kAnna{1};

class Sessions : public testing::EachEngine {};
ON_EACH_ENGINE(Sessions);

TEST_P(Sessions, AClientIsListedUntilItLeaves) {
  TestVolume volume(GetParam());
  VolumeOptions options;
  options.mount_point = "/data";
  const auto other = volume.open_another(options);
  EXPECT_EQ(other->session(), SessionId{2});
  const auto sessions = volume->sessions(scope_);
  ASSERT_EQ(sessions->size(), 2u);
  EXPECT_EQ(sessions->back().expires_seconds, volume.now().seconds + 60);
  EXPECT_NE(sessions->back().info.find("\"MountPoint\":\"/data\""), std::string::npos);
  ASSERT_TRUE(other->close(scope_));
  ASSERT_TRUE(other->close(scope_)) << "twice is as good as once";
  EXPECT_EQ(volume->sessions(scope_)->size(), 1u);
}

TEST_P(Sessions, AToolHasNone) {
  TestVolume volume(GetParam());
  VolumeOptions options;
  options.has_session = false;
  const auto tool = volume.open_another(options);
  EXPECT_EQ(tool->session(), SessionId{0});
  EXPECT_EQ(volume->sessions(scope_)->size(), 1u);
  EXPECT_EQ(tool->create_unnamed(scope_, root(), kRootIno, {}).code(), Code::kNotSupported);
}

TEST_P(Sessions, AHeartbeatRenews) {
  TestVolume volume(GetParam());
  volume.pass(std::chrono::seconds(50));
  ASSERT_TRUE(volume->heartbeat(scope_));
  EXPECT_EQ(volume->sessions(scope_)->front().expires_seconds, volume.now().seconds + 60);
}

TEST_P(Sessions, WhoMissesTheHeartbeatIsCleanedUpAfter) {
  TestVolume volume(GetParam());
  const auto dead = volume.open_another();
  const Ino locked = volume.make_file(kRootIno, "locked"), held = volume.make_file(kRootIno, "held");
  ASSERT_TRUE(dead->flock(scope_, locked, kAnna, F_RDLCK));
  ASSERT_TRUE(dead->setlk(scope_, locked, kAnna, {F_WRLCK, 1, 0, 9}));
  ASSERT_TRUE(dead->hold(scope_, held));
  ASSERT_TRUE(dead->unlink(scope_, root(), kRootIno, "held"));
  volume.pass(std::chrono::seconds(61));
  ASSERT_TRUE(volume->heartbeat(scope_));
  EXPECT_EQ(volume->reap_sessions(scope_).value(), 1u);
  EXPECT_EQ(volume->sessions(scope_)->size(), 1u);
  EXPECT_TRUE(volume->flock(scope_, locked, kAnna, F_WRLCK));
  EXPECT_TRUE(volume->setlk(scope_, locked, kAnna, {F_WRLCK, 1, 0, 9}));
  EXPECT_EQ(volume->getattr(scope_, held).code(), Code::kNotFound);
  EXPECT_TRUE(volume.all(Whole::kSustained).empty());
}

TEST_P(Sessions, WhoIsAliveIsNotReaped) {
  TestVolume volume(GetParam());
  const auto other = volume.open_another();
  volume.pass(std::chrono::seconds(60));
  EXPECT_EQ(volume->reap_sessions(scope_).value(), 0u);
  volume.pass(std::chrono::seconds(10));
  ASSERT_TRUE(other->heartbeat(scope_));
  EXPECT_EQ(volume->reap_sessions(scope_).value(), 0u) << "nobody reaps himself";
}

TEST_P(Sessions, WhoWasTakenForDeadComesBackWithItsNextHeartbeat) {
  TestVolume volume(GetParam());
  const auto frozen = volume.open_another();
  volume.pass(std::chrono::seconds(100));
  ASSERT_TRUE(volume->heartbeat(scope_));
  ASSERT_EQ(volume->reap_sessions(scope_).value(), 1u);
  ASSERT_TRUE(frozen->heartbeat(scope_));
  EXPECT_EQ(volume->sessions(scope_)->size(), 2u);
}

TEST_P(Sessions, LeavingEndsFilesWithoutANameAndLocks) {
  TestVolume volume(GetParam());
  auto leaving = volume.open_another();
  const auto unnamed = leaving->create_unnamed(scope_, root(), kRootIno, {});
  ASSERT_TRUE(unnamed);
  ASSERT_TRUE(leaving->flock(scope_, kRootIno, kAnna, F_WRLCK));
  ASSERT_TRUE(leaving->close(scope_));
  EXPECT_EQ(volume->getattr(scope_, unnamed->ino).code(), Code::kNotFound);
  EXPECT_TRUE(volume->flock(scope_, kRootIno, kAnna, F_WRLCK));
}

TEST_P(Sessions, ManyHoldingsAreEndedPageByPage) {
  TestVolume volume(GetParam());
  auto leaving = volume.open_another();
  for (int i = 0; i < 1100; ++i) ASSERT_TRUE(leaving->create_unnamed(scope_, root(), kRootIno, {}));
  for (int i = 0; i < 1100; ++i) ASSERT_TRUE(leaving->setlk(scope_, kRootIno, LockOwner{static_cast<std::uint64_t>(i)}, {F_RDLCK, 1, 0, 9}));
  ASSERT_TRUE(leaving->close(scope_));
  EXPECT_TRUE(volume.all(Whole::kSustained).empty());
  EXPECT_TRUE(volume->setlk(scope_, kRootIno, kAnna, {F_WRLCK, 1, 0, 9}));
  EXPECT_EQ(volume.counter("totalInodes"), 0);
}

TEST_P(Sessions, WithoutHeartbeatsASessionCountsForAYear) {
  TestVolume volume(GetParam());
  VolumeOptions options;
  options.heartbeat = Duration::zero();
  const auto patient = volume.open_another(options);
  EXPECT_EQ(volume->sessions(scope_)->back().expires_seconds, volume.now().seconds + 365 * 24 * 3600);
}

}  // namespace
}  // namespace headrace::meta
