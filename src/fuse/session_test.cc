// SPDX-License-Identifier: Apache-2.0
// INIT, the end, and handing over, on a fake device; real_mount_test.cc has the real one.
#include "fuse/session.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "fuse/access_log.h"
#include "fuse/testing/session_fixture.h"

namespace headrace::fuse {
namespace {

using namespace testing;

TEST_F(SessionTest, InitIsServedBeforeAnythingElse) {
  kernel_.send(FakeKernel::init(45));
  const auto session = Session::open(soon(), kernel_.take_device(), Wish{}, tools());
  ASSERT_TRUE(session);
  const auto reply = kernel_.receive();
  ASSERT_TRUE(reply);
  const auto out = reply->as<InitOut>();
  EXPECT_EQ(reply->body.size(), sizeof out);
  EXPECT_EQ(out.minor, 45u);
  EXPECT_EQ(out.max_stack_depth, 1u);
  EXPECT_TRUE((*session)->negotiated().has_passthrough());
  EXPECT_EQ((*session)->devices().size(), 2u);
}

TEST_F(SessionTest, AnOldKernelGetsAShortReply) {
  kernel_.send(FakeKernel::init(19));
  ASSERT_TRUE(Session::open(soon(), kernel_.take_device(), Wish{}, tools()));
  EXPECT_EQ(kernel_.receive()->body.size(), 24u);
}

TEST_F(SessionTest, ATooOldKernelIsToldAndRefused) {
  kernel_.send(FakeKernel::init(11));
  const auto session = Session::open(soon(), kernel_.take_device(), Wish{}, tools());
  ASSERT_FALSE(session);
  EXPECT_EQ(session.code(), Code::kVersion);
  EXPECT_EQ(kernel_.receive()->error, -EPROTO);
}

TEST_F(SessionTest, ALaterMajorVersionIsAnsweredWithOurs) {
  fuse_init_in in{};
  in.major = 8;
  kernel_.send(RequestBuilder(FUSE_INIT).add(in));
  kernel_.send(FakeKernel::init(45));
  ASSERT_TRUE(Session::open(soon(), kernel_.take_device(), Wish{}, tools()));
  EXPECT_EQ(kernel_.receive()->as<InitOut>().major, 7u);
  EXPECT_EQ(kernel_.receive()->as<InitOut>().minor, 45u);
}

TEST_F(SessionTest, AKernelThatSaysNothingIsNotWaitedForForever) {
  const Scope scope{scheduler_.clock().now() + std::chrono::milliseconds(60), {}};
  EXPECT_EQ(Session::open(scope, kernel_.take_device(), Wish{}, tools()).error().code, Code::kTimedOut);
}

TEST_F(SessionTest, UnmountingEndsIt) {
  start();
  ASSERT_TRUE(kernel_.ask(read_of(1, 10)));
  kernel_.end();
  const auto ending = session_->wait_ended(soon());
  ASSERT_TRUE(ending);
  EXPECT_EQ(*ending, Ending::kUnmounted);
  session_->close();
  EXPECT_EQ(session_->stats().threads, 0u);
}

TEST_F(SessionTest, HandingOverAnswersWhatWasReadAndLeavesTheConnection) {
  start();
  kernel_.send(read_of(2, 50));
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 1));
  const Scope short_scope{scheduler_.clock().now() + std::chrono::milliseconds(30), {}};
  EXPECT_EQ(session_->stop_reading(short_scope).error().code, Code::kTimedOut) << "a request still runs";
  handler_.open_gate();
  ASSERT_TRUE(session_->stop_reading(soon()));
  EXPECT_EQ(kernel_.receive()->unique, 50u);
  // The successor has copies of all descriptors; what was not read yet is its.
  kernel_.send(read_of(1, 52));
  std::vector<UniqueFd> devices;
  for (const int device : session_->devices()) devices.push_back(UniqueFd(fcntl(device, F_DUPFD_CLOEXEC, 0)));
  const Negotiated negotiated = session_->negotiated();
  session_->close();
  session_.reset();
  auto successor = Session::adopt(std::move(devices), negotiated, tools());
  ASSERT_TRUE(successor);
  session_ = std::move(*successor);
  ASSERT_TRUE(session_->start(handler_));
  std::optional<FakeReply> resend, read;
  for (int i = 0; i < 2; ++i) {
    const auto message = kernel_.receive();
    ASSERT_TRUE(message);
    (message->unique == 0 ? resend : read) = message;
  }
  ASSERT_TRUE(resend && read);
  EXPECT_EQ(resend->error, kNotifyResend);
  EXPECT_EQ(read->unique, 52u);
  // What is sent again carries a mark, and gets it back.
  EXPECT_EQ(kernel_.ask(read_of(1, 54 | kUniqueResend))->unique, 54 | kUniqueResend);
}

class RecordingLog final : public AccessLog {
 public:
  bool is_read() const override { return is_on; }
  void record(const Access& access) override {
    MutexLock lock(mutex);
    lines.push_back(access_line(access, {1786269600, 123456789}));
  }
  std::atomic<bool> is_on = false;
  Mutex mutex;
  std::vector<std::string> lines GUARDED_BY(mutex);
};

TEST_F(SessionTest, TheAccessLogIsWrittenWhileSomebodyReadsIt) {
  RecordingLog access_log;
  kernel_.send(FakeKernel::init(45));
  SessionTools with_log = tools();
  with_log.access_log = &access_log;
  session_ = std::move(*Session::open(soon(), kernel_.take_device(), Wish{}, with_log));
  ASSERT_TRUE(session_->start(handler_));
  ASSERT_TRUE(kernel_.receive());
  ASSERT_TRUE(kernel_.ask(read_of(1, 10)));
  access_log.is_on = true;
  ASSERT_TRUE(kernel_.ask(read_of(1, 12)));
  ASSERT_TRUE(kernel_.ask(RequestBuilder(FUSE_LOOKUP, 14).data("no end")));
  access_log.is_on = false;
  ASSERT_TRUE(kernel_.ask(read_of(1, 16)));
  kernel_.end();
  session_->close();
  MutexLock lock(access_log.mutex);
  ASSERT_EQ(access_log.lines.size(), 1u);
  EXPECT_EQ(access_log.lines[0].substr(0, access_log.lines[0].find(" <")),
            "2026.08.09 10:00:00.123456 [uid:1000,gid:1001,pid:4242] read (1,4096,0,0): OK");
  session_.reset();
}

}  // namespace
}  // namespace headrace::fuse
