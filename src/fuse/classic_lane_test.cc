// SPDX-License-Identifier: Apache-2.0
// The threads of the classic lane on a fake device.
#include "fuse/classic_lane.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <set>

#include "fuse/lane_port.h"
#include "fuse/testing/session_fixture.h"

namespace headrace::fuse {
namespace {

using namespace testing;

class ClassicLaneTest : public SessionTest {};

TEST_F(ClassicLaneTest, AReadIsAnswered) {
  start();
  const auto reply = kernel_.ask(read_of(1, 10, 5));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->unique, 10u);
  EXPECT_EQ(reply->text(), "xxxxx");
  kernel_.end();
  session_->close();  // what is counted comes behind the reply
  EXPECT_EQ(registry_.counter("juicefs_fuse_ops_total", "read").value(), 1u);
  EXPECT_EQ(registry_.histogram("juicefs_fuse_read_size_bytes").counts().sum, 5);
}

TEST_F(ClassicLaneTest, OneThreadServesOneJob) {
  start();
  for (std::uint64_t unique = 2; unique < 2000; unique += 2) ASSERT_TRUE(kernel_.ask(read_of(1, unique)));
  EXPECT_LE(session_->stats().threads, 2u);
}

TEST_F(ClassicLaneTest, ARequestThatWaitsHoldsUpNobody) {
  start();
  for (std::uint64_t i = 1; i <= 5; ++i) kernel_.send(read_of(2, 100 + 2 * i));
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 5));
  EXPECT_EQ(kernel_.ask(read_of(1, 10))->unique, 10u);
  handler_.open_gate();
  EXPECT_EQ(uniques(5), (std::set<std::uint64_t>{102, 104, 106, 108, 110}));
}

TEST_F(ClassicLaneTest, TheLastReaderPutsRequestsAsideAndStaysAtTheDevice) {
  start(4);
  for (std::uint64_t i = 1; i <= 3; ++i) kernel_.send(read_of(2, 100 + 2 * i));
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 3)) << "all threads but one";
  // These have to wait, the quick one too: nobody knows beforehand which is quick.
  kernel_.send(read_of(2, 200));
  kernel_.send(read_of(1, 202));
  // But forgetting and giving up go on.
  kernel_.send(RequestBuilder(FUSE_FORGET, 0, 9).add(fuse_forget_in{7}));
  const auto aside = kernel_.ask(interrupt_of(200));
  ASSERT_TRUE(aside);
  EXPECT_EQ(aside->unique, 200u) << "it had not begun";
  EXPECT_EQ(aside->error, -EINTR);
  EXPECT_EQ(handler_.forgotten, 7u);
  const auto running = kernel_.ask(interrupt_of(104));
  ASSERT_TRUE(running);
  EXPECT_EQ(running->unique, 104u);
  EXPECT_EQ(running->error, -EINTR);
  // The thread that came free takes what was put aside.
  EXPECT_EQ(kernel_.receive()->unique, 202u);
  EXPECT_GE(registry_.counter("headrace_lane_requests_aside_total").value(), 2u);
  EXPECT_LE(session_->stats().threads, 4u);
  handler_.open_gate();
  EXPECT_EQ(uniques(2), (std::set<std::uint64_t>{102, 106}));
}

TEST_F(ClassicLaneTest, EverythingPutAsideIsAnsweredInTheEnd) {
  start(3);
  std::set<std::uint64_t> sent;
  for (std::uint64_t i = 0; i < 100; ++i) {
    kernel_.send(read_of(i % 2 + 1, 1000 + 2 * i));
    sent.insert(1000 + 2 * i);
  }
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 2));
  handler_.open_gate();
  std::set<std::uint64_t> answered;
  while (answered.size() < sent.size()) {
    const auto reply = kernel_.receive();
    ASSERT_TRUE(reply) << answered.size();
    answered.insert(reply->unique);
  }
  EXPECT_EQ(answered, sent);
}

TEST_F(ClassicLaneTest, AnInterruptEndsAWait) {
  start();
  kernel_.send(read_of(2, 50));
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 1));
  const auto reply = kernel_.ask(interrupt_of(50));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->unique, 50u);
  EXPECT_EQ(reply->error, -EINTR);
}

TEST_F(ClassicLaneTest, ALockThatWaitsHoldsNoThread) {
  start(2);
  for (std::uint64_t i = 1; i <= 20; ++i) kernel_.send(RequestBuilder(FUSE_SETLKW, 2 * i).add(fuse_lk_in{}));
  ASSERT_TRUE(handler_.wait_for_locks(soon(), 20));
  EXPECT_EQ(kernel_.ask(read_of(1, 100))->unique, 100u);
  const auto cancelled = kernel_.ask(interrupt_of(8));
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->unique, 8u);
  EXPECT_EQ(cancelled->error, -EINTR);
}

TEST_F(ClassicLaneTest, AReplyThatOutlivesTheSessionFindsNoOtherFile) {
  start();
  kernel_.send(RequestBuilder(FUSE_SETLKW, 2).add(fuse_lk_in{}));
  ASSERT_TRUE(handler_.wait_for_locks(soon(), 1));
  const int device = session_->device();
  ASSERT_TRUE(session_->stop_reading(soon()));
  session_.reset();
  EXPECT_GE(fcntl(device, F_GETFD), 0) << "open as long as the reply may come";
  handler_.cancel(2);
  EXPECT_EQ(kernel_.receive()->error, -EINTR);
  EXPECT_LT(fcntl(device, F_GETFD), 0);
}

TEST_F(ClassicLaneTest, AMalformedRequestGetsEioAndIsCounted) {
  start();
  const auto reply = kernel_.ask(RequestBuilder(FUSE_LOOKUP, 70).data("no end"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->unique, 70u);
  EXPECT_EQ(reply->error, -EIO);
  EXPECT_EQ(registry_.counter("headrace_fuse_malformed_requests_total").value(), 1u);
  EXPECT_EQ(kernel_.ask(RequestBuilder(FUSE_INIT, 72))->error, -EIO) << "a second INIT";
  EXPECT_TRUE(kernel_.ask(read_of(1, 74)));
}

TEST_F(ClassicLaneTest, WhatRunsAtTheEndIsRunToItsEnd) {
  start();
  kernel_.send(read_of(2, 50));
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 1));
  kernel_.end();
  ASSERT_TRUE(session_->wait_ended(soon()));
  handler_.open_gate();
  session_->close();
  EXPECT_EQ(session_->stats().busy, 0u);
}

TEST_F(ClassicLaneTest, ManyRequestsAtOnceAreEachAnsweredOnce) {
  start(6);
  handler_.open_gate();
  std::map<std::uint64_t, int> answers;
  std::uint64_t next = 2;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 8; ++i, next += 2) kernel_.send(read_of(i % 2 + 1, next, 512));
    kernel_.send(interrupt_of(next - 2));
    for (int i = 0; i < 8; ++i) {
      const auto reply = kernel_.receive();
      ASSERT_TRUE(reply) << "round " << round;
      ++answers[reply->unique];
    }
  }
  EXPECT_EQ(answers.size(), 2400u);
  for (const auto& [unique, count] : answers) EXPECT_EQ(count, 1) << unique;
}

}  // namespace
}  // namespace headrace::fuse
