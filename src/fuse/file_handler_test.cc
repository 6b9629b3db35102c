// SPDX-License-Identifier: Apache-2.0
// Each operation from the kernel's bytes to the file system's call and back, with a file system that writes down what it was asked.
#include "fuse/file_handler.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <fcntl.h>

#include "fuse/testing/request_builder.h"

namespace headrace::fuse {
namespace {

using testing::RequestBuilder;

/// Answers what the test puts in, and remembers the last call as text.
class ScriptedFiles {
 public:
  using Created = vfs::FileSystem::Created;
  using LockAsk = vfs::FileSystem::LockAsk;
  using WriteFlags = vfs::FileSystem::WriteFlags;
  using S = const Scope&;
  using C = const Caller&;
  using Node = vfs::NodeId;
  using Name = std::string_view;

  std::vector<std::string> calls;
  std::optional<Error> fails;
  vfs::NodeEntry entry;
  vfs::NodeAttr attr;
  vfs::Opened opened;
  std::string text = "text";
  std::vector<std::string> names{"user.a", "user.bc"};
  std::vector<vfs::Listed> listing;
  std::uint64_t number = 5;
  std::optional<vfs::SetAttr> set;
  std::function<void(Result<void>)> lock_done;

  template <class T>
  Result<T> outcome(std::string call, T value) {
    calls.push_back(std::move(call));
    if (fails) return *fails;
    return value;
  }
  Result<void> outcome(std::string call) {
    calls.push_back(std::move(call));
    if (fails) return *fails;
    return {};
  }
  static std::string joined(std::initializer_list<std::string> words) {
    std::string all;
    for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
    return all;
  }
  static std::string n(auto number) { return std::to_string(number); }

  Result<vfs::NodeEntry> lookup(S, C, Node p, Name name) {
    return outcome(joined({"lookup", n(p), std::string(name)}), entry);
  }
  void forget(Node node, std::uint64_t count) { calls.push_back(joined({"forget", n(node), n(count)})); }
  Result<vfs::NodeEntry> mknod(S, C c, Node p, Name name, const meta::NewNode& node) {
    return outcome(joined({"mknod", n(p), std::string(name), n(int(node.type)), n(node.mode), n(node.rdev),
                           node.symlink_target, "umask", n(c.umask)}),
                   entry);
  }
  Result<void> unlink(S, C, Node p, Name name) { return outcome(joined({"unlink", n(p), std::string(name)})); }
  Result<void> rmdir(S, C, Node p, Name name) { return outcome(joined({"rmdir", n(p), std::string(name)})); }
  Result<void> rename(S, C, Node p, Name a, Node q, Name b, std::uint32_t flags) {
    return outcome(joined({"rename", n(p), std::string(a), n(q), std::string(b), n(flags)}));
  }
  Result<vfs::NodeEntry> link(S, C, Node node, Node p, Name name) {
    return outcome(joined({"link", n(node), n(p), std::string(name)}), entry);
  }
  Result<std::string> readlink(S, Node node) { return outcome(joined({"readlink", n(node)}), text); }
  Result<vfs::NodeAttr> getattr(S, C, Node node, std::optional<std::uint64_t> handle) {
    return outcome(joined({"getattr", n(node), handle ? n(*handle) : "-"}), attr);
  }
  Result<vfs::NodeAttr> setattr(S, C, Node node, const vfs::SetAttr& change) {
    set = change;
    return outcome(joined({"setattr", n(node)}), attr);
  }
  Result<std::string> getxattr(S, C, Node node, Name name) {
    return outcome(joined({"getxattr", n(node), std::string(name)}), text);
  }
  Result<void> setxattr(S, C, Node node, Name name, Name value, std::uint32_t flags) {
    return outcome(joined({"setxattr", n(node), std::string(name), std::string(value), n(flags)}));
  }
  Result<std::vector<std::string>> listxattr(S, C, Node node) { return outcome(joined({"listxattr", n(node)}), names); }
  Result<void> removexattr(S, C, Node node, Name name) {
    return outcome(joined({"removexattr", n(node), std::string(name)}));
  }
  Result<meta::VolumeUsage> statfs(S, Node node) {
    return outcome(joined({"statfs", n(node)}), meta::VolumeUsage{4096 * 10, 4096 * 4, 1, 2, 0});
  }
  Result<vfs::Opened> open(S, C, Node node, int flags, bool kills_privileges) {
    return outcome(joined({"open", n(node), n(flags)}) + (kills_privileges ? " killing" : ""), opened);
  }
  Result<Created> create(S, C c, Node p, Name name, std::uint16_t mode, int flags, bool kills_privileges) {
    return outcome(joined({"create", n(p), std::string(name), n(mode), n(flags), "umask", n(c.umask)}) +
                       (kills_privileges ? " killing" : ""),
                   Created{entry, opened});
  }
  Result<Created> create_unnamed(S, C, Node p, std::uint16_t mode, int flags) {
    return outcome(joined({"create_unnamed", n(p), n(mode), n(flags)}), Created{entry, opened});
  }
  Result<std::size_t> read(S, std::uint64_t handle, Node node, std::uint64_t offset, MutableByteSpan into) {
    std::memcpy(into.data(), text.data(), text.size());
    return outcome(joined({"read", n(handle), n(node), n(offset), n(into.size())}), text.size());
  }
  Result<std::size_t> write(S, std::uint64_t handle, Node node, std::uint64_t offset, ByteSpan bytes,
                            WriteFlags flags) {
    return outcome(joined({"write", n(handle), n(node), n(offset), std::string(text_view(bytes)),
                           n(int(flags.kills_privileges)), n(int(flags.from_page_cache))}),
                   bytes.size());
  }
  Result<void> flush(S, std::uint64_t handle, Node node, LockOwner owner) {
    return outcome(joined({"flush", n(handle), n(node), n(owner.value())}));
  }
  Result<void> fsync(S, std::uint64_t handle, Node node, bool data) {
    return outcome(joined({"fsync", n(handle), n(node), n(int(data))}));
  }
  void release(S, std::uint64_t handle, Node node, std::optional<LockOwner> owner) {
    calls.push_back(joined({"release", n(handle), n(node), owner ? n(owner->value()) : "-"}));
  }
  Result<void> fallocate(S, C, std::uint64_t handle, Node node, int mode, std::uint64_t offset, std::uint64_t length) {
    return outcome(joined({"fallocate", n(handle), n(node), n(mode), n(offset), n(length)}));
  }
  Result<std::uint64_t> seek(S, std::uint64_t handle, Node node, std::uint64_t offset, int whence) {
    return outcome(joined({"seek", n(handle), n(node), n(offset), n(whence)}), number);
  }
  Result<std::uint64_t> copy_file_range(S, std::uint64_t ih, Node in, std::uint64_t io, std::uint64_t oh, Node out,
                                        std::uint64_t oo, std::uint64_t length) {
    return outcome(joined({"copy", n(ih), n(in), n(io), n(oh), n(out), n(oo), n(length)}), number);
  }
  Result<std::uint64_t> opendir(S, C, Node node) { return outcome(joined({"opendir", n(node)}), number); }
  Result<void> readdir(S, C, std::uint64_t handle, Node node, std::uint64_t cookie, bool plus, vfs::ListSink sink) {
    calls.push_back(joined({"readdir", n(handle), n(node), n(cookie), n(int(plus))}));
    for (const vfs::Listed& one : listing) {
      if (!sink(one)) break;
    }
    if (fails) return *fails;
    return {};
  }
  Result<void> fsyncdir(S, Node node) { return outcome(joined({"fsyncdir", n(node)})); }
  void releasedir(std::uint64_t handle) { calls.push_back(joined({"releasedir", n(handle)})); }
  void lock(S, const LockAsk& ask, std::function<void(Result<void>)> done) {
    calls.push_back(joined({"lock", n(ask.node), n(ask.handle), n(ask.owner.value()), n(ask.request.type),
                            n(ask.request.pid), n(ask.request.start), n(ask.request.end),
                            ask.is_flock ? "flock" : "posix", ask.wait ? "wait" : "try", n(ask.token)}));
    lock_done = std::move(done);
  }
  Result<meta::LockRequest> getlk(S, const LockAsk& ask) {
    return outcome(joined({"getlk", n(ask.node)}), meta::LockRequest{1, 77, 5, 9});
  }
  void cancel(std::uint64_t token) { calls.push_back(joined({"cancel", n(token)})); }
  Result<void> sync_all(S) { return outcome("sync_all"); }
};

class OneReply final : public ReplyPort {
 public:
  bool send(int, const RequestHeader&, std::span<const iovec> parts) override {
    fuse_out_header header;
    std::memcpy(&header, parts[0].iov_base, sizeof header);
    error = -header.error;
    body.clear();
    for (const iovec& part : parts.subspan(1)) body.append(static_cast<const char*>(part.iov_base), part.iov_len);
    ++count;
    return is_taken;
  }
  void answered(const Answered&) override {}
  int error = -1, count = 0;
  bool is_taken = true;
  std::string body;
  template <class Struct>
  Struct as(std::size_t at = 0) const {
    Struct value{};
    EXPECT_LE(at + sizeof value, body.size());
    std::memcpy(static_cast<void*>(&value), body.data() + at, sizeof value);
    return value;
  }
};

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
