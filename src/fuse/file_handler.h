// SPDX-License-Identifier: Apache-2.0
// One function an operation, chosen by the type of its arguments. A template over the file system, so that tests can
// put a scripted one in its place without an interface of forty methods; include it where one is made, not where one is
// used (that is fuse/handlers.h).
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "fuse/convert.h"
#include "fuse/handler.h"
#include "metrics/registry.h"
#include "vfs/node_table.h"
#include "vfs/takeover_index.h"

namespace headrace::fuse {

/// `Files` has the methods of vfs::FileSystem, which say what each operation means.
template <class Files>
class FileHandler final : public RequestHandler {
 public:
  /// `index`: where requests that must not be executed twice are written down; may be null.
  FileHandler(Files& files, metrics::Registry& registry, vfs::TakeoverIndex* index = nullptr)
      : files_(files),
        index_(index),
        opens_{&registry.counter("headrace_fuse_opens_total", "direct"),
               &registry.counter("headrace_fuse_opens_total", "cached"),
               &registry.counter("headrace_fuse_opens_total", "pass"),
               &registry.counter("headrace_fuse_opens_total", "pass_direct")},
        stale_lookups_(registry.counter("headrace_fuse_stale_lookups_total")),
        written_(registry.histogram("juicefs_fuse_written_size_bytes")) {}

  void serve(const Scope& scope, const Request& request, MutableByteSpan scratch, Reply reply) override {
    Call call{scope, request.header.node, request.header.unique, request.caller(), scratch, reply, nullptr, {}};
    if (index_ != nullptr && must_not_run_twice(request.header.opcode)) {
      const std::uint64_t unique = call.unique & ~kUniqueResend;
      auto begun = index_->begin_request(unique, unique != call.unique, call.node);
      call.kept = begun.entry;
      call.earlier = begun.earlier;
    }
    if (call.earlier && call.earlier->state == vfs::KeptRequest::State::kFailed) {
      reply.fail(static_cast<Code>(call.earlier->code));
    } else {
      take_back_earlier(call, request.header.opcode);
      std::visit([this, &call](const auto& ask) { this->on(call, ask); }, request.ask);
    }
    if (call.kept != nullptr) index_->end_request(call.kept);
  }
  void forget(NodeId node, std::uint64_t lookups) override { files_.forget(node, lookups); }
  void cancel(std::uint64_t unique) override { files_.cancel(unique); }

 private:
  struct Call {
    const Scope& scope;
    const NodeId node;
    const std::uint64_t unique;
    const Caller caller;
    const MutableByteSpan scratch;
    Reply& reply;
    vfs::KeptRequest* kept = nullptr;            // its entry in the index
    std::optional<vfs::EarlierRequest> earlier;  // a server that died had begun it

    /// It was executed, or may have been: what it wanted to do and finds done, it did.
    bool may_be_done() const { return earlier.has_value(); }
    bool is_done() const { return earlier && earlier->state == vfs::KeptRequest::State::kDone; }
  };

  // Requests that a server began and did not answer (docs/design/0003). The kernel holds the directory's lock while it
  // asks for a change of names, so that nobody else on this mount can have made or taken the name meanwhile.

  static bool must_not_run_twice(std::uint32_t opcode) {
    switch (opcode) {
      case FUSE_SYMLINK:
      case FUSE_MKNOD:
      case FUSE_MKDIR:
      case FUSE_UNLINK:
      case FUSE_RMDIR:
      case FUSE_RENAME:
      case FUSE_RENAME2:
      case FUSE_LINK:
      case FUSE_OPEN:
      case FUSE_OPENDIR:
      case FUSE_CREATE:
      case FUSE_TMPFILE:
      case FUSE_WRITE:
      case FUSE_SETXATTR:
      case FUSE_REMOVEXATTR: return true;
      default: return false;
    }
  }

  /// What was opened for a reply that was never given has no owner.
  void take_back_earlier(Call& call, std::uint32_t opcode) {
    if (!call.earlier || call.earlier->kind != vfs::KeptRequest::Detail::kHandle) return;
    if (opcode == FUSE_OPENDIR) {
      files_.releasedir(call.earlier->detail);
    } else {
      files_.release(call.scope, call.earlier->detail, call.node, std::nullopt);
    }
  }

  void finish(Call& call, const Result<void>& result) {
    if (call.kept != nullptr) vfs::TakeoverIndex::finish_request(*call.kept, result);
  }
  /// An operation that returns nothing and is over when it says `when_done`.
  template <class Operation>
  void once(Call& call, Code when_done, Operation&& operation) {
    Result<void> result;
    if (!call.is_done()) result = operation();
    if (!result && call.may_be_done() && result.code() == when_done) result = {};
    finish(call, result);
    call.reply.done(result);
  }
  /// An operation that makes a name: what it finds there and `is_what_it_makes` is its own.
  template <class Operation, class Check>
  Result<vfs::NodeEntry> made_once(Call& call, std::string_view name, Operation&& operation, Check&& is_what_it_makes) {
    Result<vfs::NodeEntry> made = operation();
    if (made || !call.may_be_done() || made.code() != Code::kExists) return made;
    Result<vfs::NodeEntry> found = files_.lookup(call.scope, call.caller, call.node, name);
    if (!found) return made;
    if (is_what_it_makes(*found)) return found;
    if (found->node != 0) files_.forget(found->node, 1);
    return made;
  }

  // Names.

  /// Hands out an entry; the lookup is taken back where the kernel did not take it.
  void give_entry(Call& call, const Result<vfs::NodeEntry>& entry) {
    finish(call, entry ? Result<void>() : Result<void>(entry.error()));
    if (!entry) {
      call.reply.fail(entry.code());
      return;
    }
    if (!call.reply.with(entry_out_of(*entry)) && entry->node != 0) files_.forget(entry->node, 1);
  }

  void make_node(Call& call, std::string_view name, const meta::NewNode& node) {
    const auto make = [&] { return files_.mknod(call.scope, call.caller, call.node, name, node); };
    give_entry(call,
               made_once(call, name, make, [&](const vfs::NodeEntry& found) { return found.attr.type == node.type; }));
  }

  void on(Call& call, const LookupAsk& ask) {
    give_entry(call, files_.lookup(call.scope, call.caller, call.node, ask.name));
  }

  void on(Call& call, const SymlinkAsk& ask) {
    make_node(call, ask.name, {FileType::kSymlink, 0777, 0, std::string(ask.target)});
  }
  void on(Call& call, const MknodAsk& ask) {
    make_node(call, ask.name, {type_of_mode(ask.mode), static_cast<std::uint16_t>(ask.mode & 07777), ask.rdev, {}});
  }
  void on(Call& call, const MkdirAsk& ask) {
    make_node(call, ask.name, {FileType::kDirectory, static_cast<std::uint16_t>(ask.mode & 07777), 0, {}});
  }
  void on(Call& call, const UnlinkAsk& ask) {
    once(call, Code::kNotFound, [&] { return files_.unlink(call.scope, call.caller, call.node, ask.name); });
  }
  void on(Call& call, const RmdirAsk& ask) {
    once(call, Code::kNotFound, [&] { return files_.rmdir(call.scope, call.caller, call.node, ask.name); });
  }

  void on(Call& call, const RenameAsk& ask) {
    if ((ask.flags & ~(meta::kRenameNoReplace | meta::kRenameExchange)) != 0) {
      call.reply.fail(Code::kInvalid);
      return;
    }
    const bool was_exchanged = (ask.flags & meta::kRenameExchange) != 0 && note_exchanged(call, ask.name);
    once(call, Code::kNotFound, [&]() -> Result<void> {
      if (was_exchanged) return {};
      return files_.rename(call.scope, call.caller, call.node, ask.name, ask.new_parent, ask.new_name, ask.flags);
    });
  }

  /// Two names that are exchanged twice are as before, so the inode of the first one is written down. True: it has
  /// another one by now.
  bool note_exchanged(Call& call, std::string_view name) {
    if (call.kept == nullptr) return false;
    const Result<vfs::NodeEntry> found = files_.lookup(call.scope, call.caller, call.node, name);
    if (!found) return false;
    const std::uint64_t ino = found->ino.value();
    if (found->node != 0) files_.forget(found->node, 1);
    if (call.earlier && call.earlier->kind == vfs::KeptRequest::Detail::kIno) return call.earlier->detail != ino;
    call.kept->note(vfs::KeptRequest::Detail::kIno, ino);
    return false;
  }

  void on(Call& call, const LinkAsk& ask) {
    const auto make = [&] { return files_.link(call.scope, call.caller, ask.node, call.node, ask.new_name); };
    give_entry(call, made_once(call, ask.new_name, make,
                               [&](const vfs::NodeEntry& found) { return found.ino == vfs::ino_of(ask.node); }));
  }

  void on(Call& call, const ReadlinkAsk&) {
    const Result<std::string> target = files_.readlink(call.scope, call.node);
    if (target) {
      call.reply.bytes(bytes_of(*target));
    } else {
      call.reply.fail(target.code());
    }
  }

  // Attributes.

  void give_attr(Call& call, const Result<vfs::NodeAttr>& attr) {
    if (attr) {
      call.reply.with(attr_out_of(*attr));
    } else {
      call.reply.fail(attr.code());
    }
  }

  void on(Call& call, const GetattrAsk& ask) {
    give_attr(call, files_.getattr(call.scope, call.caller, call.node, ask.handle));
  }
  void on(Call& call, const SetattrAsk& ask) { give_attr(call, set_attr(call, ask.in)); }

  Result<vfs::NodeAttr> set_attr(Call& call, const fuse_setattr_in& in) {
    TRY(const vfs::SetAttr set, set_attr_of(in));
    return files_.setattr(call.scope, call.caller, call.node, set);
  }

  void on(Call& call, const GetxattrAsk& ask) {
    const Result<std::string> value = files_.getxattr(call.scope, call.caller, call.node, ask.name);
    if (value) {
      give_sized(call, *value, ask.size);
    } else {
      call.reply.fail(value.code());
    }
  }

  void on(Call& call, const ListxattrAsk& ask) {
    const Result<std::vector<std::string>> names = files_.listxattr(call.scope, call.caller, call.node);
    if (!names) {
      call.reply.fail(names.code());
      return;
    }
    std::string joined;
    for (const std::string& name : *names) joined.append(name).push_back('\0');
    give_sized(call, joined, ask.size);
  }

  /// An attribute's value as getxattr(2) has it: its length when asked with room 0, ERANGE when it does not fit.
  void give_sized(Call& call, std::string_view value, std::uint32_t room) {
    if (room == 0) {
      call.reply.with(fuse_getxattr_out{static_cast<std::uint32_t>(value.size()), 0});
    } else if (value.size() > room) {
      call.reply.fail(Code::kRange);
    } else {
      call.reply.bytes(bytes_of(value));
    }
  }

  void on(Call& call, const SetxattrAsk& ask) {
    once(call, Code::kExists,
         [&] { return files_.setxattr(call.scope, call.caller, call.node, ask.name, ask.value, ask.flags); });
  }
  void on(Call& call, const RemovexattrAsk& ask) {
    once(call, Code::kNoData, [&] { return files_.removexattr(call.scope, call.caller, call.node, ask.name); });
  }

  void on(Call& call, const StatfsAsk&) {
    const Result<meta::VolumeUsage> usage = files_.statfs(call.scope, call.node);
    if (usage) {
      call.reply.with(statfs_out_of(*usage));
    } else {
      call.reply.fail(usage.code());
    }
  }

  // Open files.

  void count_open(const vfs::Opened& opened) {
    switch (opened.mode) {
      case vfs::OpenMode::kDirect: return opens_[0]->add();
      case vfs::OpenMode::kCached: return opens_[1]->add();
      case vfs::OpenMode::kPass: return opens_[2]->add();
      case vfs::OpenMode::kPassDirect: return opens_[3]->add();
    }
  }

  void on(Call& call, const OpenAsk& ask) {
    const Result<vfs::Opened> opened =
        files_.open(call.scope, call.caller, call.node, static_cast<int>(ask.flags), ask.kills_privileges);
    if (!opened) {
      if (opened.code() == Code::kStale) stale_lookups_.add();
      call.reply.fail(opened.code());
      return;
    }
    count_open(*opened);
    note_opened(call, opened->handle);
    if (!call.reply.with(open_out_of(*opened))) files_.release(call.scope, opened->handle, call.node, std::nullopt);
  }

  void note_opened(Call& call, std::uint64_t handle) {
    if (call.kept != nullptr) call.kept->note(vfs::KeptRequest::Detail::kHandle, handle);
  }

  void give_created(Call& call, const Result<typename Files::Created>& created) {
    const auto take_back = [&] {
      files_.release(call.scope, created->opened.handle, created->entry.node, std::nullopt);
      files_.forget(created->entry.node, 1);
    };
    if (!created) {
      call.reply.fail(created.code());
      return;
    }
    count_open(created->opened);
    note_opened(call, created->opened.handle);
    if (!call.reply.with(entry_out_of(created->entry), open_out_of(created->opened))) take_back();
  }

  void on(Call& call, const CreateAsk& ask) {
    int flags = static_cast<int>(ask.flags);
    if (call.may_be_done()) flags &= ~O_EXCL;  // what is there is what it made
    give_created(call, files_.create(call.scope, call.caller, call.node, ask.name,
                                     static_cast<std::uint16_t>(ask.mode & 07777), flags, ask.kills_privileges));
  }
  void on(Call& call, const TmpfileAsk& ask) {
    give_created(call,
                 files_.create_unnamed(call.scope, call.caller, call.node, static_cast<std::uint16_t>(ask.mode & 07777),
                                       static_cast<int>(ask.flags)));
  }

  void on(Call& call, const ReadAsk& ask) {
    const MutableByteSpan into = call.scratch.first(std::min<std::size_t>(ask.size, call.scratch.size()));
    const Result<std::size_t> got = files_.read(call.scope, ask.handle, call.node, ask.offset, into);
    if (got) {
      call.reply.bytes(into.first(*got));
    } else {
      call.reply.fail(got.code());
    }
  }

  void on(Call& call, const WriteAsk& ask) {
    // Only an append is written down as done: its bytes are committed.
    const Result<std::size_t> written = call.is_done()
                                            ? Result<std::size_t>(ask.data.size())
                                            : files_.write(call.scope, ask.handle, call.node, ask.offset, ask.data,
                                                           {.kills_privileges = ask.kills_privileges,
                                                            .from_page_cache = ask.from_page_cache,
                                                            .request = call.kept});
    if (!written) {
      call.reply.fail(written.code());
      return;
    }
    written_.observe(std::uint64_t{*written});
    call.reply.with(fuse_write_out{static_cast<std::uint32_t>(*written), 0});
  }

  void on(Call& call, const FlushAsk& ask) {
    call.reply.done(files_.flush(call.scope, ask.handle, call.node, LockOwner{ask.lock_owner}));
  }
  void on(Call& call, const FsyncAsk& ask) {
    call.reply.done(files_.fsync(call.scope, ask.handle, call.node, ask.data_only));
  }

  void on(Call& call, const ReleaseAsk& ask) {
    std::optional<LockOwner> flock_owner;
    if (ask.flock_owner) flock_owner = LockOwner{*ask.flock_owner};
    files_.release(call.scope, ask.handle, call.node, flock_owner);
    call.reply.ok();
  }

  void on(Call& call, const FallocateAsk& ask) {
    call.reply.done(files_.fallocate(call.scope, call.caller, ask.handle, call.node, static_cast<int>(ask.mode),
                                     ask.offset, ask.length));
  }

  void on(Call& call, const SeekAsk& ask) {
    const Result<std::uint64_t> offset =
        files_.seek(call.scope, ask.handle, call.node, ask.offset, static_cast<int>(ask.whence));
    if (offset) {
      call.reply.with(fuse_lseek_out{*offset});
    } else {
      call.reply.fail(offset.code());
    }
  }

  void on(Call& call, const CopyAsk& ask) {
    if (ask.flags != 0) {
      call.reply.fail(Code::kInvalid);
      return;
    }
    // The older reply has 32 bits for what was copied: whole pages below that.
    const std::uint64_t length = ask.is_wide ? ask.length : std::min<std::uint64_t>(ask.length, 0xfffff000u);
    const Result<std::uint64_t> copied = files_.copy_file_range(call.scope, ask.in_handle, call.node, ask.in_offset,
                                                                ask.out_handle, ask.out_node, ask.out_offset, length);
    if (!copied) {
      call.reply.fail(copied.code());
    } else if (ask.is_wide) {
      call.reply.with(CopyFileRangeOut{*copied});
    } else {
      call.reply.with(fuse_write_out{static_cast<std::uint32_t>(*copied), 0});
    }
  }

  // Directories.

  void on(Call& call, const OpendirAsk&) {
    const Result<std::uint64_t> handle = files_.opendir(call.scope, call.caller, call.node);
    if (!handle) {
      call.reply.fail(handle.code());
      return;
    }
    note_opened(call, *handle);
    if (!call.reply.with(OpenOut{*handle, 0, 0})) files_.releasedir(*handle);
  }

  void on(Call& call, const ReaddirAsk& ask) {
    ListingPacker packer(call.scratch.first(std::min<std::size_t>(ask.size, call.scratch.size())), ask.plus);
    const Result<void> listed = files_.readdir(call.scope, call.caller, ask.handle, call.node, ask.cookie, ask.plus,
                                               [&packer](const vfs::Listed& entry) { return packer.add(entry); });
    if (packer.packed().empty() && packer.is_full()) {
      call.reply.fail(Code::kInvalid);  // not even one fits; an empty reply would mean the end
    } else if (packer.packed().empty() && !listed) {
      call.reply.fail(listed.code());
    } else if (!call.reply.bytes(packer.packed()) && ask.plus) {
      for_each_lookup(packer.packed(), [this](NodeId node) { files_.forget(node, 1); });
    }
    // An error behind entries that were packed is found again by the next call, which goes on where this one ended.
  }

  void on(Call& call, const ReleasedirAsk& ask) {
    files_.releasedir(ask.handle);
    call.reply.ok();
  }
  void on(Call& call, const FsyncdirAsk&) { call.reply.done(files_.fsyncdir(call.scope, call.node)); }
  void on(Call& call, const SyncfsAsk&) { call.reply.done(files_.sync_all(call.scope)); }

  // Locks.

  void on(Call& call, const LockAsk& ask) {
    typename Files::LockAsk lock;
    lock.node = call.node;
    lock.handle = ask.handle;
    lock.owner = LockOwner{ask.owner};
    lock.request = {ask.lock.type, ask.lock.pid, ask.lock.start, ask.lock.end};
    lock.is_flock = ask.is_flock;
    lock.wait = ask.kind == fuse::LockAsk::Kind::kSetAndWait;
    lock.token = call.unique;
    if (ask.kind == fuse::LockAsk::Kind::kGet) {
      give_conflict(call, files_.getlk(call.scope, lock));
      return;
    }
    // The reply may be given long after this thread has gone on. (std::function wants something that can be copied.)
    call.reply.keep_port();
    auto reply = std::make_shared<Reply>(std::move(call.reply));
    files_.lock(call.scope, lock, [reply](const Result<void>& result) { reply->done(result); });
  }

  void give_conflict(Call& call, const Result<meta::LockRequest>& conflict) {
    if (conflict) {
      call.reply.with(fuse_lk_out{{conflict->start, conflict->end, conflict->type, conflict->pid}});
    } else {
      call.reply.fail(conflict.code());
    }
  }

  // What is not served. The kernel remembers an ENOSYS and stops asking.

  void on(Call& call, const IoctlAsk&) { call.reply.fail(Code::kNoTty); }
  void on(Call& call, const UnservedAsk&) { call.reply.fail(Code::kNotImplemented); }

  // These are the lane's own, which does not pass them on.
  void on(Call& call, const InitAsk&) { call.reply.fail(Code::kIo); }
  void on(Call& call, const ForgetAsk&) { call.reply.ok(); }
  void on(Call& call, const BatchForgetAsk&) { call.reply.ok(); }
  void on(Call& call, const InterruptAsk&) { call.reply.ok(); }
  void on(Call& call, const DestroyAsk&) { call.reply.ok(); }

  Files& files_;
  vfs::TakeoverIndex* const index_;
  metrics::Counter* const opens_[4];  // direct, cached, pass, pass_direct
  metrics::Counter& stale_lookups_;
  metrics::Histogram& written_;
};

}  // namespace headrace::fuse
