// SPDX-License-Identifier: Apache-2.0
// Requests that a server began and did not answer before it died, sent again to its successor: each is done once.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "fuse/file_handler.h"
#include "fuse/testing/request_builder.h"
#include "fuse/testing/scripted_files.h"

namespace headrace::fuse {
namespace {

using testing::OneReply;
using testing::RequestBuilder;
using testing::ScriptedFiles;
using Detail = vfs::KeptRequest::Detail;

constexpr std::uint64_t kUnique = 10, kAgain = kUnique | kUniqueResend;

class ResendTest : public ::testing::Test {
 protected:
  ResendTest() : handler_(files_, registry_, index_.get()), scratch_(65536) {
    files_.entry.node = 40;
    files_.entry.ino = Ino{4};
    files_.entry.attr.type = FileType::kDirectory;
    files_.opened = {9, vfs::OpenMode::kDirect, false, 0};
    index_->begin_serving();
  }
  /// A server began the request; it wrote down this, and died.
  void began(Detail detail = Detail::kNone, std::uint64_t value = 0) {
    vfs::KeptRequest* const entry = index_->begin_request(kUnique, false, 7).entry;
    if (detail != Detail::kNone) entry->note(detail, value, 4);
    index_->begin_serving();
  }
  void ended(const Result<void>& result) {
    vfs::TakeoverIndex::finish_request(*index_->begin_request(kUnique, false, 7).entry, result);
    index_->begin_serving();
  }
  using Calls = std::vector<std::string>;
  Calls serve(const RequestBuilder& builder) {
    message_ = builder.build();
    const Result<Request> request = parse_request(message_, negotiated_);
    EXPECT_TRUE(request);
    files_.calls.clear();
    handler_.serve(Scope{}, *request, scratch_, Reply(*port_, 3, request->header, Moment{}));
    return files_.calls;
  }
  static RequestBuilder mkdir(std::uint64_t unique) {
    return std::move(RequestBuilder(FUSE_MKDIR, unique, 7).add(fuse_mkdir_in{S_IFDIR | 0755, 0}).name("d"));
  }
  static RequestBuilder unlink(std::uint64_t unique) {
    return std::move(RequestBuilder(FUSE_UNLINK, unique, 7).name("f"));
  }

  const Negotiated negotiated_ = *negotiate(Offer{7, 45, 131072, ~std::uint64_t{0}}, Wish{});
  metrics::Registry registry_;
  ScriptedFiles files_;
  const std::unique_ptr<vfs::TakeoverIndex> index_ = vfs::TakeoverIndex::create().value();
  FileHandler<ScriptedFiles> handler_;
  std::vector<std::byte> scratch_, message_;
  std::shared_ptr<OneReply> port_ = std::make_shared<OneReply>();
};

TEST_F(ResendTest, WhatHadNotBegunIsExecutedAndItsErrorsAreItsOwn) {
  files_.fails_in.emplace("mknod", Code::kExists);
  EXPECT_EQ(serve(mkdir(kAgain)).size(), 1u);
  EXPECT_EQ(port_->error, EEXIST);
}

TEST_F(ResendTest, ADirectoryThatWasMadeIsHandedOut) {
  began();
  files_.fails_in.emplace("mknod", Code::kExists);
  serve(mkdir(kAgain));
  EXPECT_EQ(port_->error, 0);
  EXPECT_EQ(port_->as<fuse_entry_out>().nodeid, 40u);
}

TEST_F(ResendTest, SomethingElseUnderTheNameIsNotTakenForIt) {
  began();
  files_.fails_in.emplace("mknod", Code::kExists);
  files_.entry.attr.type = FileType::kRegular;
  EXPECT_EQ(serve(mkdir(kAgain)).back(), "forget 40 1");
  EXPECT_EQ(port_->error, EEXIST);
}

TEST_F(ResendTest, AnErrorThatWasFoundIsTheAnswer) {
  ended(Code::kNoSpace);
  EXPECT_EQ(serve(mkdir(kAgain)), Calls{});
  EXPECT_EQ(port_->error, ENOSPC);
}

TEST_F(ResendTest, WhatWasTakenAwayStaysAway) {
  began();
  files_.fails_in.emplace("unlink", Code::kNotFound);
  serve(unlink(kAgain));
  EXPECT_EQ(port_->error, 0);
  // Asked for the first time it is an error.
  serve(unlink(12));
  EXPECT_EQ(port_->error, ENOENT);
}

TEST_F(ResendTest, WhatIsKnownToBeDoneIsNotDoneAgain) {
  ended({});
  EXPECT_EQ(serve(unlink(kAgain)), Calls{});
  EXPECT_EQ(port_->error, 0);
}

TEST_F(ResendTest, AnExchangeIsNotUndone) {
  const auto exchange = [](std::uint64_t unique) {
    return std::move(RequestBuilder(FUSE_RENAME2, unique, 7).add(fuse_rename2_in{8, 2, 0}).name("a").name("b"));
  };
  began(Detail::kIno, 5);  // the name had another inode
  EXPECT_EQ(serve(exchange(kAgain)), (Calls{"lookup 7 a", "forget 40 1"}));
  EXPECT_EQ(port_->error, 0);
  began(Detail::kIno, 4);  // it has it still
  EXPECT_EQ(serve(exchange(kAgain)).back(), "rename 7 a 8 b 2");
}

TEST_F(ResendTest, AHandleThatWasNeverHandedOverIsTakenBack) {
  began(Detail::kHandle, 77);
  EXPECT_EQ(serve(RequestBuilder(FUSE_OPEN, kAgain, 7).add(fuse_open_in{O_RDWR, 0})),
            (Calls{"release 77 7 -", "open 7 2"}));
  began(Detail::kHandle, 78);
  EXPECT_EQ(serve(RequestBuilder(FUSE_OPENDIR, kAgain, 7).add(fuse_open_in{})), (Calls{"releasedir 78", "opendir 7"}));
}

TEST_F(ResendTest, AnExclusiveCreateFindsItsOwnFile) {
  began();
  const auto create = [](std::uint64_t unique) {
    return std::move(
        RequestBuilder(FUSE_CREATE, unique, 7).add(fuse_create_in{O_RDWR | O_CREAT | O_EXCL, 0600, 0, 0}).name("n"));
  };
  EXPECT_EQ(serve(create(kAgain)), Calls{"create 7 n 384 " + std::to_string(O_RDWR | O_CREAT) + " umask 0"});
  EXPECT_EQ(serve(create(12)), Calls{"create 7 n 384 " + std::to_string(O_RDWR | O_CREAT | O_EXCL) + " umask 0"});
}

TEST_F(ResendTest, AnAppendThatIsCommittedIsAnsweredAndAnyOtherWriteMadeAgain) {
  const auto write = [] {
    fuse_write_in in{};
    in.fh = 9;
    in.size = 4;
    return std::move(RequestBuilder(FUSE_WRITE, kAgain, 7).add(in).data("abcd"));
  };
  began(Detail::kAppend, 4096);
  EXPECT_EQ(serve(write()).size(), 1u);
  ended({});
  EXPECT_EQ(serve(write()), Calls{});
  EXPECT_EQ(port_->as<fuse_write_out>().size, 4u);
}

TEST_F(ResendTest, AnAnsweredRequestLeavesNothingBehind) {
  serve(mkdir(kUnique));
  serve(unlink(12));
  int left = 0;
  index_->requests.for_each([&left](vfs::KeptRequest&) { ++left; });
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace headrace::fuse
