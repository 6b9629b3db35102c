// SPDX-License-Identifier: Apache-2.0
#include "fuse/notifier.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include "fuse/testing/fake_kernel.h"

namespace headrace::fuse {
namespace {

using testing::FakeKernel;
using testing::FakeReply;

const Negotiated kNow = *negotiate(Offer{7, 45, 131072, ~std::uint64_t{0}}, Wish{});

struct Fixture {
  explicit Fixture(NotifierLimits limits = {}, Negotiated negotiated = kNow)
      : device(kernel.take_device()), notifier(device.get(), negotiated, scheduler, log, registry, limits) {}
  Scope soon() { return Scope{scheduler.clock().now() + std::chrono::seconds(10), {}}; }

  SystemScheduler scheduler;
  Log log{STDERR_FILENO, LogLevel::kOff};
  metrics::Registry registry;
  FakeKernel kernel;
  UniqueFd device;
  Notifier notifier;
};

TEST(Notifier, AnInodesRangeIsAnnounced) {
  Fixture f;
  f.notifier.invalidate_inode(7, {4096, 100});
  const auto notice = f.kernel.receive();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->unique, 0u);
  EXPECT_EQ(notice->error, FUSE_NOTIFY_INVAL_INODE);
  const auto body = notice->as<fuse_notify_inval_inode_out>();
  EXPECT_EQ(body.ino, 7u);
  EXPECT_EQ(body.off, 4096);
  EXPECT_EQ(body.len, 100);
}

TEST(Notifier, ANameIsAnnouncedWithItsNul) {
  Fixture f;
  f.notifier.invalidate_entry(1, "train");
  const auto notice = f.kernel.receive();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->error, FUSE_NOTIFY_INVAL_ENTRY);
  const auto body = notice->as<fuse_notify_inval_entry_out>();
  EXPECT_EQ(body.parent, 1u);
  EXPECT_EQ(body.namelen, 5u);
  EXPECT_EQ(notice->text().substr(sizeof body), std::string("train\0", 6));
}

/// Holds the notifier's thread in its write, so that what comes meanwhile has to wait.
class Stalled : public Fixture {
 public:
  explicit Stalled(NotifierLimits limits = {}, Negotiated negotiated = kNow) : Fixture(limits, negotiated) {
    // More notices than the socket holds: the thread is stuck in one of them, with the rest behind it.
    for (vfs::NodeId node = 1'000'000; node < 1'000'000 + kFiller; ++node) notifier.invalidate_inode(node, {0, 0});
  }
  /// All notices but the filler, until nothing waits.
  std::vector<FakeReply> rest() {
    std::vector<FakeReply> notices;
    // The last one says where the end is.
    notifier.invalidate_inode(kEnd, {0, 0});
    for (;;) {
      auto notice = kernel.receive();
      EXPECT_TRUE(notice.has_value());
      if (!notice) return notices;
      const auto body = notice->as<fuse_notify_inval_inode_out>();
      if (notice->error == FUSE_NOTIFY_INVAL_INODE && body.ino == kEnd) return notices;
      if (notice->error == FUSE_NOTIFY_INVAL_INODE && body.ino >= 1'000'000) continue;
      notices.push_back(*notice);
    }
  }
  static constexpr vfs::NodeId kFiller = 2000, kEnd = 999'999'999;
};

TEST(Notifier, WhatWaitsAboutOneInodeIsOneNotice) {
  Stalled f;
  f.notifier.invalidate_inode(7, {});
  f.notifier.invalidate_inode(7, {8192, 100});
  f.notifier.invalidate_inode(7, {4096, 10});
  f.notifier.invalidate_inode(8, {100, 50});
  f.notifier.invalidate_inode(8, {0, 0});
  f.notifier.invalidate_inode(9, {});
  const std::vector<FakeReply> notices = f.rest();
  ASSERT_EQ(notices.size(), 3u);
  const auto seven = notices[0].as<fuse_notify_inval_inode_out>(), eight = notices[1].as<fuse_notify_inval_inode_out>(),
             nine = notices[2].as<fuse_notify_inval_inode_out>();
  EXPECT_EQ(seven.off, 4096);
  EXPECT_EQ(seven.len, 8192 + 100 - 4096);
  EXPECT_EQ(eight.off, 0);
  EXPECT_EQ(eight.len, 0) << "to the end";
  EXPECT_EQ(nine.off, -1) << "attributes alone";
}

TEST(Notifier, WhatIsToBeDroppedIsToldBeforeANewEndAndAfterIt) {
  Stalled f;
  f.notifier.invalidate_inode(7, {4000, 97, vfs::FileEnd{4097, std::byte{'x'}}});
  f.notifier.invalidate_inode(7, {4050, 20});
  f.notifier.invalidate_inode(7, {-1, 0, vfs::FileEnd{5000, std::byte{'z'}}});
  const std::vector<FakeReply> notices = f.rest();
  ASSERT_EQ(notices.size(), 3u);
  EXPECT_EQ(notices[1].error, FUSE_NOTIFY_STORE);
  const auto end = notices[1].as<fuse_notify_store_out>();
  EXPECT_EQ(end.nodeid, 7u);
  EXPECT_EQ(end.offset, 4999u) << "the latest end is the one that counts";
  EXPECT_EQ(end.size, 1u);
  EXPECT_EQ(notices[1].text().substr(sizeof end), "z");
  for (const std::size_t i : {0, 2}) {
    EXPECT_EQ(notices[i].error, FUSE_NOTIFY_INVAL_INODE);
    const auto dropped = notices[i].as<fuse_notify_inval_inode_out>();
    EXPECT_EQ(dropped.off, 4000);
    EXPECT_EQ(dropped.len, 97);
  }
}

TEST(Notifier, TooManyNamesBecomeAnEpoch) {
  Stalled f({.inodes_max = 65536, .entries_max = 10});
  for (int i = 0; i < 50; ++i) f.notifier.invalidate_entry(1, "name" + std::to_string(i));
  const std::vector<FakeReply> notices = f.rest();
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].error, kNotifyIncEpoch);
  EXPECT_EQ(f.registry.counter("headrace_fuse_notifications_lost_total").value(), 0u);
  // Afterwards names go out by themselves again.
  f.notifier.invalidate_entry(1, "later");
  EXPECT_EQ(f.kernel.receive()->error, FUSE_NOTIFY_INVAL_ENTRY);
}

TEST(Notifier, WithoutAnEpochWhatIsTooManyIsCounted) {
  Stalled f({.inodes_max = 65536, .entries_max = 10}, *negotiate(Offer{7, 38, 0, ~std::uint64_t{0}}, Wish{}));
  for (int i = 0; i < 50; ++i) f.notifier.invalidate_entry(1, "name" + std::to_string(i));
  EXPECT_EQ(f.rest().size(), 10u);
  EXPECT_EQ(f.registry.counter("headrace_fuse_notifications_lost_total").value(), 40u);
}

TEST(Notifier, DrainingWaitsForWhatWasQueuedBefore) {
  Fixture f;
  for (vfs::NodeId node = 1; node <= 50; ++node) f.notifier.invalidate_inode(node, {0, 0});
  ASSERT_TRUE(f.notifier.drain(f.soon(), {}));
  EXPECT_EQ(f.registry.counter("headrace_fuse_notifications_total", "inode").value(), 50u);
}

TEST(Notifier, DrainingHasAnEnd) {
  Stalled f;
  const auto drained = f.notifier.drain(Scope{f.scheduler.clock().now() + std::chrono::milliseconds(20), {}}, {});
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.code(), Code::kTimedOut);
  f.kernel.end();  // lets the thread out of its write
}

TEST(Notifier, ARequestThatTheKernelMayWaitForIsNotHeldUp) {
  Stalled f;
  const auto short_while = [&] { return Scope{f.scheduler.clock().now() + std::chrono::milliseconds(1), {}}; };
  const auto stuck_in = [&] {
    vfs::NodeId node = 1'000'000;
    while (node < 1'000'000 + Stalled::kFiller && !f.notifier.drain(short_while(), {.node = node})) ++node;
    return node;
  };
  vfs::NodeId stuck = stuck_in();
  const Scope soon = f.soon();
  while (stuck == 1'000'000 + Stalled::kFiller || stuck_in() != stuck) {
    ASSERT_LT(f.scheduler.clock().now(), soon.deadline) << "the socket does not become full";
    stuck = stuck_in();
  }
  EXPECT_TRUE(f.notifier.drain(soon, {.node = stuck, .patience = std::chrono::milliseconds(20)}));
  EXPECT_LT(f.scheduler.clock().now(), soon.deadline);
  EXPECT_EQ(f.notifier.drain(short_while(), {.node = 1}).code(), Code::kTimedOut);
  f.kernel.end();
}

TEST(Notifier, AConnectionThatIsOverDoesNotHoldItUp) {
  Fixture f;
  f.kernel.end();
  for (vfs::NodeId node = 1; node <= 50; ++node) f.notifier.invalidate_inode(node, {0, 0});
  EXPECT_TRUE(f.notifier.drain(f.soon(), {}));
  f.notifier.close();
  f.notifier.close();
  f.notifier.invalidate_inode(1, {0, 0});
}

TEST(Notifier, WithoutPassthroughNothingIsRegistered) {
  Fixture f({}, *negotiate(Offer{7, 38, 0, ~std::uint64_t{0}}, Wish{.passthrough = false}));
  EXPECT_EQ(f.notifier.register_backing(0).error().code, Code::kNotSupported);
}

TEST(Notifier, ARefusedBackingIsNoPassthroughAndNotAnError) {
  Fixture f;  // a socket refuses the ioctl
  EXPECT_EQ(f.notifier.register_backing(STDIN_FILENO).error().code, Code::kNotSupported);
}

}  // namespace
}  // namespace headrace::fuse
