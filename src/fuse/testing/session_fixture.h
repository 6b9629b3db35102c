// SPDX-License-Identifier: Apache-2.0
// A session on a fake device, with a handler whose reads can be held at a gate.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <set>

#include "fuse/session.h"
#include "fuse/testing/fake_kernel.h"

namespace headrace::fuse::testing {

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

inline RequestBuilder read_of(std::uint64_t node, std::uint64_t unique, std::uint32_t size = 4096) {
  fuse_read_in in{};
  in.size = size;
  return RequestBuilder(FUSE_READ, unique, node).add(in);
}
inline RequestBuilder interrupt_of(std::uint64_t unique) {
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

}  // namespace headrace::fuse::testing
