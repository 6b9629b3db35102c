// SPDX-License-Identifier: Apache-2.0
// The session and its threads on a fake device; real_mount_test.cc has the real one.
#include "fuse/session.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <map>
#include <set>

#include "fuse/testing/fake_kernel.h"

namespace headrace::fuse {
namespace {

using testing::FakeKernel;
using testing::FakeReply;
using testing::RequestBuilder;

/// READ of node 1 answers at once; of node 2 waits at a gate; SETLKW is kept; everything else is ok.
class GateHandler final : public RequestHandler {
 public:
  explicit GateHandler(Scheduler& scheduler) : changed_(scheduler.new_event()) {}

  void serve(const Scope& scope, const Request& request, MutableByteSpan scratch, Reply reply) override {
    if (std::holds_alternative<LockAsk>(request.ask)) {
      reply.keep_port();
      MutexLock lock(mutex_);
      locks_.emplace(request.header.unique, std::make_unique<Reply>(std::move(reply)));
      changed_->notify_all();
      return;
    }
    const auto* const read = std::get_if<ReadAsk>(&request.ask);
    if (read == nullptr) {
      reply.ok();
      return;
    }
    if (request.header.node == 2) {
      MutexLock lock(mutex_);
      ++waiting_;
      changed_->notify_all();
      const Result<void> waited = changed_->wait(scope, mutex_, [this] { return is_open_; });
      --waiting_;
      lock.unlock();
      if (!waited) {
        reply.fail(waited.code());
        return;
      }
    }
    const std::size_t bytes = std::min<std::size_t>(read->size, scratch.size());
    std::fill_n(scratch.begin(), bytes, std::byte{'x'});
    reply.bytes(scratch.first(bytes));
  }
  void forget(NodeId, std::uint64_t lookups) override { forgotten += lookups; }
  void cancel(std::uint64_t unique) override {
    std::unique_ptr<Reply> reply;
    {
      MutexLock lock(mutex_);
      const auto found = locks_.find(unique);
      if (found == locks_.end()) return;
      reply = std::move(found->second);
      locks_.erase(found);
    }
    reply->fail(Code::kInterrupted);
  }

  void open_gate() {
    MutexLock lock(mutex_);
    is_open_ = true;
    changed_->notify_all();
  }
  /// Until so many reads wait at the gate.
  bool wait_for_waiting(const Scope& scope, unsigned count) {
    MutexLock lock(mutex_);
    return changed_->wait(scope, mutex_, [this, count] { return waiting_ == count; }).has_value();
  }
  bool wait_for_locks(const Scope& scope, unsigned count) {
    MutexLock lock(mutex_);
    return changed_->wait(scope, mutex_, [this, count] { return locks_.size() == count; }).has_value();
  }

  std::atomic<std::uint64_t> forgotten = 0;

 private:
  Mutex mutex_;
  const std::unique_ptr<Event> changed_;
  bool is_open_ = false;
  unsigned waiting_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Reply>> locks_;
};

RequestBuilder read_of(std::uint64_t node, std::uint64_t unique, std::uint32_t size = 4096) {
  fuse_read_in in{};
  in.size = size;
  return RequestBuilder(FUSE_READ, unique, node).add(in);
}
RequestBuilder interrupt_of(std::uint64_t unique) {
  return RequestBuilder(FUSE_INTERRUPT, unique | 1).add(fuse_interrupt_in{unique});
}

class SessionTest : public ::testing::Test {
 protected:
  Scope soon() { return Scope{scheduler_.clock().now() + std::chrono::seconds(20), {}}; }

  SessionTools tools(unsigned threads_max = 8) {
    SessionTools all{scheduler_, log_, registry_, nullptr, default_lane_limits(2)};
    all.limits.threads_max = threads_max;
    all.devices = 2;
    all.clone = FakeKernel::clone;
    return all;
  }
  void start(unsigned threads_max = 8) {
    kernel_.send(FakeKernel::init(45));
    auto session = Session::open(soon(), kernel_.take_device(), Wish{}, tools(threads_max));
    ASSERT_TRUE(session) << session.error().text();
    session_ = std::move(*session);
    const auto reply = kernel_.receive();
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->error, 0);
    ASSERT_TRUE(session_->start(handler_));
  }
  void TearDown() override {
    handler_.open_gate();
    kernel_.end();
    if (session_ != nullptr) session_->close();
  }
  std::set<std::uint64_t> uniques(int count) {
    std::set<std::uint64_t> all;
    for (int i = 0; i < count; ++i) {
      const auto reply = kernel_.receive();
      if (reply) all.insert(reply->unique);
    }
    return all;
  }

  SystemScheduler scheduler_;
  Log log_{STDERR_FILENO, LogLevel::kOff};
  metrics::Registry registry_;
  FakeKernel kernel_;
  GateHandler handler_{scheduler_};
  std::unique_ptr<Session> session_;
};

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

TEST_F(SessionTest, AReadIsAnswered) {
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

TEST_F(SessionTest, OneThreadServesOneJob) {
  start();
  for (std::uint64_t unique = 2; unique < 2000; unique += 2) ASSERT_TRUE(kernel_.ask(read_of(1, unique)));
  EXPECT_LE(session_->stats().threads, 2u);
}

TEST_F(SessionTest, ARequestThatWaitsHoldsUpNobody) {
  start();
  for (std::uint64_t i = 1; i <= 5; ++i) kernel_.send(read_of(2, 100 + 2 * i));
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 5));
  EXPECT_EQ(kernel_.ask(read_of(1, 10))->unique, 10u);
  handler_.open_gate();
  EXPECT_EQ(uniques(5), (std::set<std::uint64_t>{102, 104, 106, 108, 110}));
}

TEST_F(SessionTest, TheLastReaderPutsRequestsAsideAndStaysAtTheDevice) {
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

TEST_F(SessionTest, EverythingPutAsideIsAnsweredInTheEnd) {
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

TEST_F(SessionTest, AnInterruptEndsAWait) {
  start();
  kernel_.send(read_of(2, 50));
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 1));
  const auto reply = kernel_.ask(interrupt_of(50));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->unique, 50u);
  EXPECT_EQ(reply->error, -EINTR);
}

TEST_F(SessionTest, ALockThatWaitsHoldsNoThread) {
  start(2);
  for (std::uint64_t i = 1; i <= 20; ++i) kernel_.send(RequestBuilder(FUSE_SETLKW, 2 * i).add(fuse_lk_in{}));
  ASSERT_TRUE(handler_.wait_for_locks(soon(), 20));
  EXPECT_EQ(kernel_.ask(read_of(1, 100))->unique, 100u);
  const auto cancelled = kernel_.ask(interrupt_of(8));
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->unique, 8u);
  EXPECT_EQ(cancelled->error, -EINTR);
}

TEST_F(SessionTest, AReplyThatOutlivesTheSessionFindsNoOtherFile) {
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

TEST_F(SessionTest, AMalformedRequestGetsEioAndIsCounted) {
  start();
  const auto reply = kernel_.ask(RequestBuilder(FUSE_LOOKUP, 70).data("no end"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->unique, 70u);
  EXPECT_EQ(reply->error, -EIO);
  EXPECT_EQ(registry_.counter("headrace_fuse_malformed_requests_total").value(), 1u);
  EXPECT_EQ(kernel_.ask(RequestBuilder(FUSE_INIT, 72))->error, -EIO) << "a second INIT";
  EXPECT_TRUE(kernel_.ask(read_of(1, 74)));
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

TEST_F(SessionTest, WhatRunsAtTheEndIsRunToItsEnd) {
  start();
  kernel_.send(read_of(2, 50));
  ASSERT_TRUE(handler_.wait_for_waiting(soon(), 1));
  kernel_.end();
  ASSERT_TRUE(session_->wait_ended(soon()));
  handler_.open_gate();
  session_->close();
  EXPECT_EQ(session_->stats().busy, 0u);
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

TEST_F(SessionTest, ManyRequestsAtOnceAreEachAnsweredOnce) {
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
