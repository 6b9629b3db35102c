// SPDX-License-Identifier: Apache-2.0
// Each operation from the kernel's bytes to the file system's call and back, with a file system that writes down what
// it was asked.
#include "fuse/file_handler.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <fcntl.h>

#include "fuse/testing/request_builder.h"
#include "fuse/testing/scripted_files.h"

namespace headrace::fuse {
namespace {

using testing::OneReply;
using testing::RequestBuilder;
using testing::ScriptedFiles;

class FileHandlerTest : public ::testing::Test {
 protected:
  FileHandlerTest() : handler_(files_, registry_), scratch_(65536) {
    files_.entry.node = 40;
    files_.entry.ino = Ino{4};
    files_.attr.ino = Ino{4};
    files_.opened = {9, vfs::OpenMode::kDirect, false, 0};
  }

  /// Serves it, and returns what the file system was asked.
  std::vector<std::string> serve(const RequestBuilder& builder) {
    message_ = builder.build();
    const Result<Request> request = parse_request(message_, negotiated_);
    EXPECT_TRUE(request);
    files_.calls.clear();
    handler_.serve(Scope{}, *request, scratch_, Reply(*port_, 3, request->header, Moment{}));
    return files_.calls;
  }
  using Calls = std::vector<std::string>;

  const Negotiated negotiated_ = *negotiate(Offer{7, 45, 131072, ~std::uint64_t{0}}, Wish{});
  metrics::Registry registry_;
  ScriptedFiles files_;
  FileHandler<ScriptedFiles> handler_;
  std::vector<std::byte> scratch_, message_;
  std::shared_ptr<OneReply> port_ = std::make_shared<OneReply>();
};

TEST_F(FileHandlerTest, NamesAreLookedUpAndHandedOut) {
  EXPECT_EQ(serve(RequestBuilder(FUSE_LOOKUP, 2, 7).name("a")), Calls{"lookup 7 a"});
  EXPECT_EQ(port_->error, 0);
  EXPECT_EQ(port_->as<fuse_entry_out>().nodeid, 40u);
  files_.fails = Code::kNotFound;
  serve(RequestBuilder(FUSE_LOOKUP, 2, 7).name("a"));
  EXPECT_EQ(port_->error, ENOENT);
}

TEST_F(FileHandlerTest, ALookupThatTheKernelDidNotTakeIsTakenBack) {
  port_->is_taken = false;
  EXPECT_EQ(serve(RequestBuilder(FUSE_LOOKUP, 2, 7).name("a")), (Calls{"lookup 7 a", "forget 40 1"}));
  EXPECT_EQ(serve(RequestBuilder(FUSE_OPEN, 2, 7).add(fuse_open_in{O_RDWR, 0})), (Calls{"open 7 2", "release 9 7 -"}));
  EXPECT_EQ(serve(RequestBuilder(FUSE_OPENDIR, 2, 7).add(fuse_open_in{})), (Calls{"opendir 7", "releasedir 5"}));
  EXPECT_EQ(serve(RequestBuilder(FUSE_CREATE, 2, 7).add(fuse_create_in{O_RDWR, 0600, 0, 0}).name("n")),
            (Calls{"create 7 n 384 2 umask 0", "release 9 40 -", "forget 40 1"}));
}

TEST_F(FileHandlerTest, EachMakerSaysWhatItMakes) {
  EXPECT_EQ(serve(RequestBuilder(FUSE_MKDIR, 2, 7).add(fuse_mkdir_in{S_IFDIR | 01777, 022}).name("d")),
            Calls{"mknod 7 d 2 1023 0  umask 18"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_MKNOD, 2, 7).add(fuse_mknod_in{S_IFIFO | 0640, 0, 022, 0}).name("p")),
            Calls{"mknod 7 p 4 416 0  umask 18"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_MKNOD, 2, 7).add(fuse_mknod_in{S_IFCHR | 0640, 0x105, 0, 0}).name("c")),
            Calls{"mknod 7 c 6 416 261  umask 0"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_SYMLINK, 2, 7).name("l").name("to")), Calls{"mknod 7 l 3 511 0 to umask 0"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_LINK, 2, 7).add(fuse_link_in{12}).name("h")), Calls{"link 12 7 h"});
}

TEST_F(FileHandlerTest, RenameTakesTheFlagsThatExist) {
  EXPECT_EQ(serve(RequestBuilder(FUSE_RENAME, 2, 7).add(fuse_rename_in{8}).name("a").name("b")),
            Calls{"rename 7 a 8 b 0"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_RENAME2, 2, 7).add(fuse_rename2_in{8, 2, 0}).name("a").name("b")),
            Calls{"rename 7 a 8 b 2"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_RENAME2, 2, 7).add(fuse_rename2_in{8, 4, 0}).name("a").name("b")), Calls{})
      << "RENAME_WHITEOUT";
  EXPECT_EQ(port_->error, EINVAL);
}

TEST_F(FileHandlerTest, AttributesAreAskedByHandleWhereThereIsOne) {
  EXPECT_EQ(serve(RequestBuilder(FUSE_GETATTR, 2, 7).add(fuse_getattr_in{FUSE_GETATTR_FH, 0, 9})),
            Calls{"getattr 7 9"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_GETATTR, 2, 7).add(fuse_getattr_in{0, 0, 9})), Calls{"getattr 7 -"});
  EXPECT_EQ(port_->as<fuse_attr_out>().attr.ino, 4u);
}

TEST_F(FileHandlerTest, ATruncationWithoutPrivilegesSaysSo) {
  fuse_setattr_in in{};
  in.valid = FATTR_SIZE | FATTR_KILL_SUIDGID;
  EXPECT_EQ(serve(RequestBuilder(FUSE_SETATTR, 2, 7).add(in)), Calls{"setattr 7"});
  EXPECT_TRUE(files_.set->kills_privileges);
  in.valid = FATTR_SIZE;
  EXPECT_EQ(serve(RequestBuilder(FUSE_SETATTR, 2, 7).add(in)), Calls{"setattr 7"});
  EXPECT_FALSE(files_.set->kills_privileges);
}

TEST_F(FileHandlerTest, AnOpenThatTruncatesWithoutPrivilegesSaysSo) {
  EXPECT_EQ(serve(RequestBuilder(FUSE_OPEN, 2, 7).add(fuse_open_in{O_WRONLY | O_TRUNC, FUSE_OPEN_KILL_SUIDGID})),
            Calls{"open 7 513 killing"});
  EXPECT_EQ(port_->as<OpenOut>().fh, 9u);
  EXPECT_EQ(serve(RequestBuilder(FUSE_OPEN, 2, 7).add(fuse_open_in{O_WRONLY | O_TRUNC, 0})), Calls{"open 7 513"});
}

TEST_F(FileHandlerTest, OpensAreCountedByTheirMode) {
  files_.opened = {9, vfs::OpenMode::kPass, false, 3};
  serve(RequestBuilder(FUSE_OPEN, 2, 7).add(fuse_open_in{O_RDONLY, 0}));
  EXPECT_EQ(port_->as<OpenOut>().backing_id, 3);
  EXPECT_EQ(registry_.counter("headrace_fuse_opens_total", "pass").value(), 1u);
  files_.fails = Code::kStale;
  serve(RequestBuilder(FUSE_OPEN, 2, 7).add(fuse_open_in{O_RDONLY, 0}));
  EXPECT_EQ(port_->error, ESTALE);
  EXPECT_EQ(registry_.counter("headrace_fuse_opens_total", "pass").value(), 1u);
  EXPECT_EQ(registry_.counter("headrace_fuse_stale_lookups_total").value(), 1u);
  files_.fails = Code::kAccess;
  serve(RequestBuilder(FUSE_OPEN, 2, 7).add(fuse_open_in{O_RDONLY, 0}));
  EXPECT_EQ(registry_.counter("headrace_fuse_stale_lookups_total").value(), 1u);
}

TEST_F(FileHandlerTest, ACreateRepliesWithEntryAndOpen) {
  EXPECT_EQ(
      serve(RequestBuilder(FUSE_CREATE, 2, 7).add(fuse_create_in{O_RDWR | O_EXCL, S_IFREG | 0644, 022, 0}).name("n")),
      Calls{"create 7 n 420 130 umask 18"});
  EXPECT_EQ(port_->as<fuse_entry_out>().nodeid, 40u);
  EXPECT_EQ(port_->as<OpenOut>(sizeof(fuse_entry_out)).fh, 9u);
  EXPECT_EQ(serve(RequestBuilder(FUSE_TMPFILE, 2, 7).add(fuse_create_in{O_RDWR, S_IFREG | 0600, 0, 0}).name("/")),
            Calls{"create_unnamed 7 384 2"});
  EXPECT_EQ(port_->body.size(), sizeof(fuse_entry_out) + sizeof(OpenOut));
}

TEST_F(FileHandlerTest, ReadsAndWritesMoveBytes) {
  fuse_read_in read{};
  read.fh = 9;
  read.offset = 4096;
  read.size = 1000;
  EXPECT_EQ(serve(RequestBuilder(FUSE_READ, 2, 7).add(read)), Calls{"read 9 7 4096 1000"});
  EXPECT_EQ(port_->body, "text");
  fuse_write_in write{};
  write.fh = 9;
  write.offset = 10;
  write.size = 3;
  write.write_flags = FUSE_WRITE_CACHE | FUSE_WRITE_KILL_SUIDGID;
  EXPECT_EQ(serve(RequestBuilder(FUSE_WRITE, 2, 7).add(write).data("abc")), Calls{"write 9 7 10 abc 1 1"});
  EXPECT_EQ(port_->as<fuse_write_out>().size, 3u);
}

TEST_F(FileHandlerTest, ClosingFlushesAndReleases) {
  EXPECT_EQ(serve(RequestBuilder(FUSE_FLUSH, 2, 7).add(fuse_flush_in{9, 0, 0, 0xab})), Calls{"flush 9 7 171"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_RELEASE, 2, 7).add(fuse_release_in{9, 0, FUSE_RELEASE_FLOCK_UNLOCK, 0xab})),
            Calls{"release 9 7 171"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_RELEASE, 2, 7).add(fuse_release_in{9, 0, 0, 0xab})), Calls{"release 9 7 -"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_FSYNC, 2, 7).add(fuse_fsync_in{9, FUSE_FSYNC_FDATASYNC, 0})),
            Calls{"fsync 9 7 1"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_FSYNCDIR, 2, 7).add(fuse_fsync_in{9, 0, 0})), Calls{"fsyncdir 7"});
  EXPECT_EQ(serve(RequestBuilder(FUSE_SYNCFS, 2, 7).add(fuse_syncfs_in{})), Calls{"sync_all"});
  files_.fails = Code::kNoSpace;
  serve(RequestBuilder(FUSE_FLUSH, 2, 7).add(fuse_flush_in{9, 0, 0, 0xab}));
  EXPECT_EQ(port_->error, ENOSPC) << "close(2) is where a lost write is told";
}

TEST_F(FileHandlerTest, AnAttributeIsMeasuredBeforeItIsRead) {
  const auto get = [](std::uint32_t size) {
    return RequestBuilder(FUSE_GETXATTR, 2, 7).add(fuse_getxattr_in{size, 0}).name("user.a");
  };
  serve(get(0));
  EXPECT_EQ(port_->as<fuse_getxattr_out>().size, 4u);
  serve(get(3));
  EXPECT_EQ(port_->error, ERANGE);
  serve(get(4));
  EXPECT_EQ(port_->body, "text");
  serve(RequestBuilder(FUSE_LISTXATTR, 2, 7).add(fuse_getxattr_in{100, 0}));
  EXPECT_EQ(port_->body, std::string("user.a\0user.bc\0", 15));
  fuse_setxattr_in set{};
  set.size = 1;
  set.flags = 2;
  EXPECT_EQ(serve(RequestBuilder(FUSE_SETXATTR, 2, 7).add(set, 8).name("user.a").data("v")),
            Calls{"setxattr 7 user.a v 2"});
}

TEST_F(FileHandlerTest, RangesAreCopiedSoughtAndAllocated) {
  fuse_copy_file_range_in copy{1, 2, 8, 3, 4, 1ull << 40, 0};
  EXPECT_EQ(serve(RequestBuilder(FUSE_COPY_FILE_RANGE, 2, 7).add(copy)), Calls{"copy 1 7 2 3 8 4 4294963200"})
      << "its reply has 32 bits";
  EXPECT_EQ(port_->as<fuse_write_out>().size, 5u);
  files_.number = 1ull << 40;
  EXPECT_EQ(serve(RequestBuilder(kOpCopyFileRange64, 2, 7).add(copy)), Calls{"copy 1 7 2 3 8 4 1099511627776"});
  EXPECT_EQ(port_->as<CopyFileRangeOut>().bytes_copied, 1ull << 40);
  copy.flags = 1;
  EXPECT_EQ(serve(RequestBuilder(kOpCopyFileRange64, 2, 7).add(copy)), Calls{});
  EXPECT_EQ(port_->error, EINVAL);
  EXPECT_EQ(serve(RequestBuilder(FUSE_LSEEK, 2, 7).add(fuse_lseek_in{9, 10, SEEK_DATA, 0})), Calls{"seek 9 7 10 3"});
  EXPECT_EQ(port_->as<fuse_lseek_out>().offset, 1ull << 40);
  EXPECT_EQ(serve(RequestBuilder(FUSE_FALLOCATE, 2, 7).add(fuse_fallocate_in{9, 1, 2, 3, 0})),
            Calls{"fallocate 9 7 3 1 2"});
}

vfs::Listed listed(std::string_view name, vfs::NodeId node) {
  vfs::Listed one;
  one.name = name;
  one.entry.node = node;
  one.has_entry = node != 0;
  return one;
}

TEST_F(FileHandlerTest, AListingIsPackedIntoTheReply) {
  files_.listing = {listed(".", 0), listed("a", 50), listed("b", 51)};
  fuse_read_in in{};
  in.fh = 9;
  in.offset = 3;
  in.size = 4096;
  EXPECT_EQ(serve(RequestBuilder(FUSE_READDIR, 2, 7).add(in)), Calls{"readdir 9 7 3 0"});
  EXPECT_EQ(port_->body.size(), 3u * 32);
  port_->is_taken = false;
  EXPECT_EQ(serve(RequestBuilder(FUSE_READDIRPLUS, 2, 7).add(in)),
            (Calls{"readdir 9 7 3 1", "forget 50 1", "forget 51 1"}));
}

TEST_F(FileHandlerTest, AnErrorBehindEntriesComesWithTheNextCall) {
  fuse_read_in in{};
  in.size = 4096;
  files_.listing = {listed("a", 50)};
  files_.fails = Code::kIo;
  serve(RequestBuilder(FUSE_READDIR, 2, 7).add(in));
  EXPECT_EQ(port_->error, 0);
  EXPECT_FALSE(port_->body.empty());
  files_.listing.clear();
  serve(RequestBuilder(FUSE_READDIR, 2, 7).add(in));
  EXPECT_EQ(port_->error, EIO);
  files_.fails.reset();
  serve(RequestBuilder(FUSE_READDIR, 2, 7).add(in));
  EXPECT_EQ(port_->error, 0);
  EXPECT_TRUE(port_->body.empty()) << "the end";
  files_.listing = {listed("a", 50)};
  in.size = 16;
  serve(RequestBuilder(FUSE_READDIR, 2, 7).add(in));
  EXPECT_EQ(port_->error, EINVAL) << "no room for one entry is not the end";
}

TEST_F(FileHandlerTest, ALockIsAnsweredWhenItIsGranted) {
  fuse_lk_in in{};
  in.fh = 9;
  in.owner = 5;
  in.lk = {10, 20, 1, 77};
  EXPECT_EQ(serve(RequestBuilder(FUSE_SETLKW, 44, 7).add(in)), Calls{"lock 7 9 5 1 77 10 20 posix wait 44"});
  EXPECT_EQ(port_->count, 0);
  handler_.cancel(44);
  EXPECT_EQ(files_.calls.back(), "cancel 44");
  files_.lock_done(Code::kInterrupted);
  files_.lock_done = {};
  EXPECT_EQ(port_->count, 1);
  EXPECT_EQ(port_->error, EINTR);

  in.lk_flags = FUSE_LK_FLOCK;
  EXPECT_EQ(serve(RequestBuilder(FUSE_SETLK, 46, 7).add(in)), Calls{"lock 7 9 5 1 77 10 20 flock try 46"});
  files_.lock_done(Code::kWouldBlock);
  EXPECT_EQ(port_->error, EAGAIN);
}

TEST_F(FileHandlerTest, ALockThatIsDroppedIsStillAnswered) {
  serve(RequestBuilder(FUSE_SETLKW, 44, 7).add(fuse_lk_in{}));
  files_.lock_done = {};
  EXPECT_EQ(port_->count, 1);
  EXPECT_EQ(port_->error, EIO);
}

TEST_F(FileHandlerTest, AConflictingLockIsDescribed) {
  serve(RequestBuilder(FUSE_GETLK, 2, 7).add(fuse_lk_in{}));
  const auto out = port_->as<fuse_lk_out>();
  EXPECT_EQ(out.lk.start, 5u);
  EXPECT_EQ(out.lk.end, 9u);
  EXPECT_EQ(out.lk.type, 1u);
  EXPECT_EQ(out.lk.pid, 77u);
}

TEST_F(FileHandlerTest, WhatIsNotServedSaysSo) {
  for (const std::uint32_t opcode :
       {std::uint32_t{FUSE_ACCESS}, std::uint32_t{FUSE_POLL}, std::uint32_t{FUSE_BMAP}, kOpStatx, 200u}) {
    serve(RequestBuilder(opcode).data(std::string(64, '\0')));
    EXPECT_EQ(port_->error, ENOSYS) << opcode;
  }
  serve(RequestBuilder(FUSE_IOCTL).data(std::string(64, '\0')));
  EXPECT_EQ(port_->error, ENOTTY);
}

}  // namespace
}  // namespace headrace::fuse
