// SPDX-License-Identifier: Apache-2.0
// The kernel's bytes on a real file system in memory: a file is made, written, read and listed, and the access log
// tells of it.
#include "fuse/handlers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>

#include "fuse/testing/request_builder.h"
#include "metrics/registry.h"
#include "vfs/testing/test_mount.h"
#include "vfs/virtual_files.h"

namespace headrace::fuse {
namespace {

using testing::RequestBuilder;

class LastReply final : public ReplyPort {
 public:
  bool send(int, const RequestHeader&, std::span<const iovec> parts) override {
    fuse_out_header header;
    std::memcpy(&header, parts[0].iov_base, sizeof header);
    body.clear();
    for (const iovec& part : parts.subspan(1)) body.append(static_cast<const char*>(part.iov_base), part.iov_len);
    error = -header.error;
    return true;
  }
  void answered(const Answered&) override {}
  template <class Struct>
  Struct as(std::size_t at = 0) const {
    Struct value{};
    EXPECT_LE(at + sizeof value, body.size());
    if (at + sizeof value <= body.size()) std::memcpy(static_cast<void*>(&value), body.data() + at, sizeof value);
    return value;
  }
  /// For an answer that a thread of the file system may give.
  int await_error(Scheduler& scheduler, const Scope& scope) const {
    while (error == -1 && pause(scheduler, scope, std::chrono::milliseconds(1))) {
    }
    return error;
  }
  std::atomic<int> error = -1;  // -1: no answer yet; what the body holds is there before it
  std::string body;
};

class HandlersTest : public ::testing::Test {
 protected:
  HandlersTest()
      : files_(*mount_.volume, mount_.blocks, mount_.tier, mount_.budget, mount_.volume.scheduler(),
               mount_.volume.log(), registry_, vfs::FileSystemOptions{.background_jobs = false, .volume_name = "test"},
               vfs::Providers{}),
        handler_(new_handler(files_, registry_)) {}
  ~HandlersTest() override { EXPECT_TRUE(files_.close(scope())); }

  Scope scope() { return Scope{mount_.volume.scheduler().clock().now() + std::chrono::seconds(20), {}}; }
  void serve(const RequestBuilder& builder) {
    const std::vector<std::byte> message = builder.build();
    const Result<Request> request = parse_request(message, negotiated_);
    ASSERT_TRUE(request);
    handler_->serve(scope(), *request, scratch_, Reply(*port_, 3, request->header, Moment{}));
  }

  const Negotiated negotiated_ = *negotiate(Offer{7, 45, 131072, ~std::uint64_t{0}}, Wish{});
  std::vector<std::byte> scratch_ = std::vector<std::byte>(65536);
  std::shared_ptr<LastReply> port_ = std::make_shared<LastReply>();
  metrics::Registry registry_;
  vfs::testing::TestMount mount_;
  vfs::FileSystem files_;
  std::unique_ptr<RequestHandler> handler_;
};

TEST_F(HandlersTest, WhatIsWrittenIsRead) {
  serve(RequestBuilder(FUSE_CREATE).add(fuse_create_in{O_RDWR, S_IFREG | 0644, 022, 0}).name("file"));
  ASSERT_EQ(port_->error, 0);
  const NodeId node = port_->as<fuse_entry_out>().nodeid;
  const std::uint64_t handle = port_->as<OpenOut>(sizeof(fuse_entry_out)).fh;
  EXPECT_EQ(port_->as<OpenOut>(sizeof(fuse_entry_out)).open_flags, unsigned{FOPEN_DIRECT_IO})
      << "what is written has no cache";

  fuse_write_in write{};
  write.fh = handle;
  write.size = 5;
  serve(RequestBuilder(FUSE_WRITE, 2, node).add(write).data("hello"));
  EXPECT_EQ(port_->as<fuse_write_out>().size, 5u);
  fuse_read_in read{};
  read.fh = handle;
  read.offset = 1;
  read.size = 100;
  serve(RequestBuilder(FUSE_READ, 2, node).add(read));
  EXPECT_EQ(port_->body, "ello");
  serve(RequestBuilder(FUSE_FLUSH, 2, node).add(fuse_flush_in{handle, 0, 0, 1}));
  EXPECT_EQ(port_->error, 0);
  serve(RequestBuilder(FUSE_GETATTR, 2, node).add(fuse_getattr_in{FUSE_GETATTR_FH, 0, handle}));
  EXPECT_EQ(port_->as<fuse_attr_out>().attr.size, 5u);
  serve(RequestBuilder(FUSE_RELEASE, 2, node).add(fuse_release_in{handle, O_RDWR, 0, 0}));
  EXPECT_EQ(port_->error, 0);
}

TEST_F(HandlersTest, ADirectoryIsListedWithItsEntries) {
  serve(RequestBuilder(FUSE_MKDIR).add(fuse_mkdir_in{0755, 022}).name("folder"));
  ASSERT_EQ(port_->error, 0);
  serve(RequestBuilder(FUSE_OPENDIR).add(fuse_open_in{}));
  fuse_read_in in{};
  in.fh = port_->as<OpenOut>().fh;
  in.size = 4096;
  serve(RequestBuilder(FUSE_READDIRPLUS).add(in));
  ASSERT_EQ(port_->error, 0);
  EXPECT_NE(port_->body.find("folder"), std::string::npos);
  serve(RequestBuilder(FUSE_RMDIR).name("folder"));
  EXPECT_EQ(port_->error, 0);
  serve(RequestBuilder(FUSE_LOOKUP).name("folder"));
  EXPECT_EQ(port_->error, ENOENT);
}

TEST_F(HandlersTest, ALockIsGrantedAndItsWaiterCancelled) {
  serve(RequestBuilder(FUSE_CREATE).add(fuse_create_in{O_RDWR, S_IFREG | 0644, 022, 0}).name("file"));
  const NodeId node = port_->as<fuse_entry_out>().nodeid;
  fuse_lk_in in{};
  in.fh = port_->as<OpenOut>(sizeof(fuse_entry_out)).fh;
  in.owner = 1;
  in.lk = {0, 9, F_WRLCK, 100};
  serve(RequestBuilder(FUSE_SETLK, 10, node).add(in));
  EXPECT_EQ(port_->error, 0);
  in.owner = 2;
  serve(RequestBuilder(FUSE_SETLK, 12, node).add(in));
  EXPECT_EQ(port_->error, EAGAIN);
  port_->error = -1;
  serve(RequestBuilder(FUSE_SETLKW, 14, node).add(in));
  EXPECT_EQ(port_->error, -1) << "it waits";
  handler_->cancel(14);
  EXPECT_EQ(port_->await_error(mount_.volume.scheduler(), scope()), EINTR) << "it may just be tried once more";
}

TEST_F(HandlersTest, ReadingTheAccessLogIsNotInIt) {
  const auto access_log = new_access_log(files_, mount_.volume.scheduler().clock());
  vfs::AccessLog::Reader reader(files_.access_log());
  const vfs::NodeId log = vfs::node_id(Ino{vfs::kVirtualInoBase.value() + 1}, 0);
  access_log->record({"read", "(1,4096,0,1)", log, 1, 2, 3, 0, std::chrono::microseconds(1)});
  access_log->record({"getattr", "(3)", 3, 1, 2, 3, 0, std::chrono::microseconds(1)});
  std::string text(4096, '\0');
  text.resize(reader.read(scope(), mount_.volume.scheduler().clock(), std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(text.find("read"), std::string::npos) << text;
  EXPECT_NE(text.find("getattr (3)"), std::string::npos) << text;
}

TEST_F(HandlersTest, ReadersOfTheAccessLogSeeTheLanesLines) {
  const auto access_log = new_access_log(files_, mount_.volume.scheduler().clock());
  EXPECT_FALSE(access_log->is_read());
  vfs::AccessLog::Reader reader(files_.access_log());
  ASSERT_TRUE(access_log->is_read());
  access_log->record({"read", "(3,4096,0,1)", 3, 1, 2, 3, ENOENT, std::chrono::microseconds(123)});
  std::string text(4096, '\0');
  const std::size_t got =
      reader.read(scope(), mount_.volume.scheduler().clock(), std::as_writable_bytes(std::span(text)));
  text.resize(got);
  EXPECT_NE(text.find(" [uid:1,gid:2,pid:3] read (3,4096,0,1): No such file or directory <0.000123>\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace headrace::fuse
