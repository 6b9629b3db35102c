// SPDX-License-Identifier: Apache-2.0
// A file system that answers what the test puts in and writes down what it was asked, and the one reply to a request.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fuse/file_handler.h"

namespace headrace::fuse::testing {

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
  std::map<std::string, Error> fails_in;  // by the call's first word
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
    if (const std::optional<Error> failed = failure_of(std::move(call))) return *failed;
    return value;
  }
  Result<void> outcome(std::string call) {
    if (const std::optional<Error> failed = failure_of(std::move(call))) return *failed;
    return {};
  }
  std::optional<Error> failure_of(std::string call) {
    const auto found = fails_in.find(call.substr(0, call.find(' ')));
    calls.push_back(std::move(call));
    return found == fails_in.end() ? fails : std::optional(found->second);
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

}  // namespace headrace::fuse::testing
