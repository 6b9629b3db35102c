// SPDX-License-Identifier: Apache-2.0
#include "fuse/reply.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <thread>

namespace headrace::fuse {
namespace {

class RecordingPort final : public ReplyPort {
 public:
  struct Sent {
    int device;
    fuse_out_header header;
    std::string body;
  };
  bool send(int device, const RequestHeader&, std::span<const iovec> parts) override {
    Sent message{device, {}, {}};
    std::memcpy(&message.header, parts[0].iov_base, sizeof message.header);
    for (const iovec& part : parts.subspan(1))
      message.body.append(static_cast<const char*>(part.iov_base), part.iov_len);
    EXPECT_EQ(message.header.len, sizeof(fuse_out_header) + message.body.size());
    sent.push_back(message);
    return is_taken;
  }
  void answered(const Answered& done) override {
    ++answers;
    last_error = done.error;
    was_forgotten = done.was_forgotten;
    last_args = done.args;
  }
  std::vector<Sent> sent;
  bool is_taken = true;
  int answers = 0, last_error = -1;
  bool was_forgotten = false;
  std::string last_args;
};

const RequestHeader kRead{FUSE_READ, 42, 1, 0, 0, 0};

TEST(Reply, BytesGoOutBehindTheirHeader) {
  const auto port = std::make_shared<RecordingPort>();
  Reply reply(*port, 7, kRead, Moment{});
  EXPECT_TRUE(reply.bytes(bytes_of("data")));
  ASSERT_EQ(port->sent.size(), 1u);
  EXPECT_EQ(port->sent[0].device, 7);
  EXPECT_EQ(port->sent[0].header.unique, 42u);
  EXPECT_EQ(port->sent[0].header.error, 0);
  EXPECT_EQ(port->sent[0].body, "data");
  EXPECT_EQ(port->answers, 1);
}

TEST(Reply, TwoStructsAreOneMessage) {
  const auto port = std::make_shared<RecordingPort>();
  Reply(*port, 7, kRead, Moment{}).with(fuse_entry_out{}, OpenOut{});
  EXPECT_EQ(port->sent.at(0).body.size(), sizeof(fuse_entry_out) + sizeof(OpenOut));
}

TEST(Reply, AnErrorIsTheHeaderAlone) {
  const auto port = std::make_shared<RecordingPort>();
  Reply(*port, 7, kRead, Moment{}).fail(Code::kNotFound);
  EXPECT_EQ(port->sent.at(0).header.error, -ENOENT);
  EXPECT_TRUE(port->sent.at(0).body.empty());
  EXPECT_EQ(port->last_error, ENOENT);
}

TEST(Reply, ARequestThatNobodyAnsweredGetsEio) {
  const auto port = std::make_shared<RecordingPort>();
  {
    Reply reply(*port, 7, kRead, Moment{});
  }
  ASSERT_EQ(port->sent.size(), 1u);
  EXPECT_EQ(port->sent[0].header.error, -EIO);
  EXPECT_TRUE(port->was_forgotten);
}

TEST(Reply, AMovedReplyIsAnsweredOnce) {
  const auto port = std::make_shared<RecordingPort>();
  {
    Reply first(*port, 7, kRead, Moment{});
    Reply second = std::move(first);
    std::jthread([moved = std::make_shared<Reply>(std::move(second))] { moved->ok(); }).join();
  }
  EXPECT_EQ(port->sent.size(), 1u);
  EXPECT_EQ(port->answers, 1);
}

TEST(ReplyDeathTest, ASecondAnswerIsOurMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto port = std::make_shared<RecordingPort>();
  Reply reply(*port, 7, kRead, Moment{});
  reply.ok();
  EXPECT_DEATH(reply.ok(), "port != nullptr");
}

TEST(Reply, AForgetIsCountedAndNotAnswered) {
  const auto port = std::make_shared<RecordingPort>();
  Reply(*port, 7, {FUSE_FORGET, 0, 1, 0, 0, 0}, Moment{}).ok();
  EXPECT_TRUE(port->sent.empty());
  EXPECT_EQ(port->answers, 1);
}

TEST(Reply, WhoAnswersHearsThatNobodyWaits) {
  const auto port = std::make_shared<RecordingPort>();
  port->is_taken = false;
  EXPECT_FALSE(Reply(*port, 7, kRead, Moment{}).ok());
}

TEST(Reply, ALateReplyKeepsItsPort) {
  auto port = std::make_shared<RecordingPort>();
  const std::weak_ptr<RecordingPort> watched = port;
  std::optional<Reply> reply;
  reply.emplace(*port, 7, kRead, Moment{});
  reply->set_args("(1)");
  reply->keep_port();
  port.reset();
  ASSERT_FALSE(watched.expired());
  reply->ok();
  EXPECT_EQ(watched.lock()->last_args, "(1)");
  reply.reset();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace headrace::fuse
