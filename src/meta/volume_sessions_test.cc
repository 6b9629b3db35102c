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

TEST_P(Sessions, ACreatedFileIsHeldFromItsBeginning) {
  TestVolume volume(GetParam());
  const auto made = volume->create(scope_, root(), kRootIno, "f", {});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->attr.nlink, 1u);
  EXPECT_EQ(volume->create(scope_, root(), kRootIno, "f", {}).code(), Code::kExists);
  NewNode folder;
  folder.type = FileType::kDirectory;
  EXPECT_EQ(volume->create(scope_, root(), kRootIno, "d", folder).code(), Code::kInvalid);
  const auto removed = volume->unlink(scope_, root(), kRootIno, "f");
  ASSERT_TRUE(removed);
  EXPECT_FALSE(removed->is_gone);
  EXPECT_TRUE(volume->getattr(scope_, made->ino));
  ASSERT_TRUE(volume->release(scope_, made->ino));
  EXPECT_EQ(volume->getattr(scope_, made->ino).code(), Code::kNotFound);
  EXPECT_TRUE(volume.all(Whole::kSustained).empty());
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

TEST_P(Sessions, WhoWasTakenForDeadIsToldWithItsNextHeartbeatAndDoesNotComeBack) {
  TestVolume volume(GetParam());
  const auto frozen = volume.open_another();
  volume.pass(std::chrono::seconds(100));
  ASSERT_TRUE(volume->heartbeat(scope_));
  ASSERT_EQ(volume->reap_sessions(scope_).value(), 1u);
  EXPECT_EQ(frozen->heartbeat(scope_).code(), Code::kStale);
  EXPECT_EQ(volume->sessions(scope_)->size(), 1u);
}

TEST_P(Sessions, ASuccessorHoldsWhatTheDeadHeld) {
  TestVolume volume(GetParam());
  const auto dead = volume.open_another();
  const Ino locked = volume.make_file(kRootIno, "locked"), held = volume.make_file(kRootIno, "held");
  const Ino forgotten = volume.make_file(kRootIno, "forgotten");
  ASSERT_TRUE(dead->flock(scope_, locked, kAnna, F_WRLCK));
  ASSERT_TRUE(dead->setlk(scope_, held, kAnna, {F_WRLCK, 1, 0, 9}));
  for (const auto& [ino, name] : {std::pair(held, "held"), std::pair(forgotten, "forgotten")}) {
    ASSERT_TRUE(dead->hold(scope_, ino));
    ASSERT_TRUE(dead->unlink(scope_, root(), kRootIno, name));
  }
  VolumeOptions options;
  options.takes_over = dead->session();
  const auto successor = volume.open_another(options);
  EXPECT_EQ(successor->session(), dead->session());
  EXPECT_EQ(volume->sessions(scope_)->size(), 2u);
  const std::vector<HeldLock> locks = successor->take_adopted_locks();
  ASSERT_EQ(locks.size(), 2u);
  for (const HeldLock& lock : locks) {
    EXPECT_EQ(lock.owner, kAnna);
    EXPECT_EQ(lock.ino, lock.is_flock ? locked : held);
  }
  EXPECT_EQ(volume->flock(scope_, locked, LockOwner{2}, F_WRLCK).code(), Code::kWouldBlock);
  EXPECT_TRUE(successor->flock(scope_, locked, kAnna, F_UNLCK));
  // What it holds again lives until its release; what it does not ends with the next heartbeat.
  ASSERT_TRUE(successor->hold(scope_, held));
  ASSERT_TRUE(successor->heartbeat(scope_));
  EXPECT_TRUE(successor->getattr(scope_, held));
  EXPECT_EQ(successor->getattr(scope_, forgotten).code(), Code::kNotFound);
  ASSERT_TRUE(successor->release(scope_, held));
  EXPECT_EQ(successor->getattr(scope_, held).code(), Code::kNotFound);
}

TEST_P(Sessions, ASessionThatWasCleanedUpAfterCannotBeTakenOver) {
  TestVolume volume(GetParam());
  VolumeOptions options;
  options.takes_over = volume.open_another()->session();
  volume.pass(std::chrono::seconds(61));
  ASSERT_TRUE(volume->heartbeat(scope_));
  ASSERT_EQ(volume->reap_sessions(scope_).value(), 1u);
  EXPECT_EQ(Volume::open(scope_, volume->engine(), volume.scheduler(), volume.log(), options).code(), Code::kStale);
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
  for (int i = 0; i < 1100; ++i)
    ASSERT_TRUE(leaving->setlk(scope_, kRootIno, LockOwner{static_cast<std::uint64_t>(i)}, {F_RDLCK, 1, 0, 9}));
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
