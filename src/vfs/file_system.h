// SPDX-License-Identifier: Apache-2.0
// POSIX behaviour over names and bytes: what a kernel lane (or the SDK) calls. One object is one mount. Method by
// method it is what the kernel asks; the four guarantees hold here: operations are atomic, what one call did the next
// one sees, attributes are exact, operations keep their order.
//
// Threads: every method may be called from any thread at any time. A call runs to its end on the caller's thread and
// waits only within its scope (kTimedOut, kInterrupted). Locks alone answer later: see lock().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/attr.h"
#include "base/budget.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "base/scope.h"
#include "block/block_store.h"
#include "block/node_tier.h"
#include "meta/volume.h"
#include "metrics/registry.h"
#include "vfs/kernel_port.h"

namespace headrace::vfs {

inline constexpr NodeId kRootNode = 1;

/// A name the kernel may cache: one lookup was counted for `node`.
struct NodeEntry {
  NodeId node = 0;
  std::uint64_t generation = 0;
  Ino ino;  // st_ino
  Attr attr;
  Duration entry_ttl{0};
  Duration attr_ttl{0};
};
struct NodeAttr {
  Ino ino;
  Attr attr;
  Duration attr_ttl{0};
};

/// How the kernel serves an open file (DESIGN 8.3).
enum class OpenMode { kDirect, kCached, kPass, kPassDirect };
struct Opened {
  std::uint64_t handle = 0;
  OpenMode mode = OpenMode::kDirect;
  bool keep_cache = false;      // kCached: pages of the last open still hold
  std::int32_t backing_id = 0;  // kPass, kPassDirect
};

/// One entry of a listing; with `entry` for READDIRPLUS (a lookup was counted unless node is 0).
struct Listed {
  std::string_view name;
  Ino ino;
  FileType type = FileType::kRegular;
  std::uint64_t next_cookie = 0;  // where the listing goes on behind this entry
  NodeEntry entry;
  bool has_entry = false;
};
/// Takes one entry; false: it does not fit, give it again next time (its lookup is then not counted).
using ListSink = FunctionRef<bool(const Listed&)>;

struct SetAttr {
  meta::AttrChange change;
  std::optional<std::uint64_t> size;
  std::optional<std::uint64_t> handle;  // the open file that asked (ftruncate)
  /// The caller may not keep suid and sgid: they go first, whoever owns the file.
  bool kills_privileges = false;
};

class TakeoverIndex;
struct KeptRequest;

/// Who keeps the backings of a mount open for a server that takes over. Thread-safe.
class BackingKeeper {
 public:
  virtual ~BackingKeeper() = default;
  /// The kernel serves files from this descriptor under this id from now on.
  virtual void backing_made(std::int32_t backing_id, int descriptor) = 0;
  virtual void backing_gone(std::int32_t backing_id) = 0;
};

struct FileSystemOptions {
  bool is_read_only = false;
  Duration entry_ttl = std::chrono::seconds(1);
  Duration dir_entry_ttl = std::chrono::seconds(1);
  Duration attr_ttl = std::chrono::seconds(1);
  bool passthrough = true;                        // use PASS where the kernel port can
  Duration quiet_time = std::chrono::seconds(1);  // T of DESIGN 8.3: unchanged this long before PASS or CACHED
  std::uint64_t small_file_bytes = 1u << 20;      // below: CACHED, not PASS
  std::uint32_t fill_threads = 8;                 // that bring whole files to this node, each a block at a time
  bool xattrs = true;
  bool hide_internal = false;
  bool background_jobs = true;
  Duration heartbeat = std::chrono::seconds(12);     // how often the session is renewed; as the volume was told
  Duration slice_age_max = std::chrono::seconds(5);  // an open slice goes up after this long
  std::string volume_name;
  /// For a successor of this server: what it must know is written down here. Both may be null, and outlive the file
  /// system.
  TakeoverIndex* index = nullptr;
  BackingKeeper* keeper = nullptr;
};

/// What `.stats`, `.config` and commands through `.control` need from the program around.
struct Providers {
  std::function<std::string()> stats_text;
  std::function<std::string()> config_json;
  /// The volume is not there any more, or not this mount's: nothing can be served from now on. From a thread of the
  /// file system; at most once.
  std::function<void(const Error&)> volume_lost = {};
};

/// Where a file's bytes are now, for `info`.
struct FilePlace {
  std::uint64_t length = 0;
  std::uint64_t present_bytes = 0;  // in whole-file copies of this node
  bool is_whole = false;
  std::uint32_t open_handles = 0, pass_handles = 0, direct_handles = 0, cached_handles = 0, writers = 0;
  std::uint64_t unflushed_bytes = 0;
  std::string why_not_passthrough;  // empty when the next read-only open is passthrough
};

class AccessLog;

class FileSystem {
 public:
  FileSystem(meta::Volume& volume, block::BlockStore& blocks, block::NodeTier& tier, Budget& budget,
             Scheduler& scheduler, const Log& log, metrics::Registry& registry, FileSystemOptions options,
             Providers providers);
  ~FileSystem();

  /// Before the first request: who gets the notifications. Not owned; outlives this object's use.
  void attach(KernelPort* kernel);

  /// After attach() and before the first request, where another server died: its handles, locks and backings are served
  /// on, as the index has them (file_system_takeover.cc). `backings`: descriptors by id. What was written and is lost
  /// is told each handle of the file once, at its next write, fsync or close: kIo. An error: the metadata cannot be
  /// read.
  Result<void> adopt(const Scope& scope, std::map<std::int32_t, UniqueFd> backings);

  // Names.
  Result<NodeEntry> lookup(const Scope& scope, const Caller& caller, NodeId parent, std::string_view name);
  void forget(NodeId node, std::uint64_t lookups);
  Result<NodeEntry> mknod(const Scope& scope, const Caller& caller, NodeId parent, std::string_view name,
                          const meta::NewNode& node);
  Result<void> unlink(const Scope& scope, const Caller& caller, NodeId parent, std::string_view name);
  Result<void> rmdir(const Scope& scope, const Caller& caller, NodeId parent, std::string_view name);
  Result<void> rename(const Scope& scope, const Caller& caller, NodeId from, std::string_view from_name, NodeId to,
                      std::string_view to_name, std::uint32_t flags);
  Result<NodeEntry> link(const Scope& scope, const Caller& caller, NodeId node, NodeId parent, std::string_view name);
  Result<std::string> readlink(const Scope& scope, NodeId node);

  // Attributes.
  Result<NodeAttr> getattr(const Scope& scope, const Caller& caller, NodeId node, std::optional<std::uint64_t> handle);
  Result<NodeAttr> setattr(const Scope& scope, const Caller& caller, NodeId node, const SetAttr& set);
  Result<std::string> getxattr(const Scope& scope, const Caller& caller, NodeId node, std::string_view name);
  Result<void> setxattr(const Scope& scope, const Caller& caller, NodeId node, std::string_view name,
                        std::string_view value, std::uint32_t flags);
  Result<std::vector<std::string>> listxattr(const Scope& scope, const Caller& caller, NodeId node);
  Result<void> removexattr(const Scope& scope, const Caller& caller, NodeId node, std::string_view name);
  Result<meta::VolumeUsage> statfs(const Scope& scope, NodeId node);

  // Open files. `flags` are open(2)'s.
  /// `kills_privileges`: with O_TRUNC, suid and sgid of what is truncated go.
  Result<Opened> open(const Scope& scope, const Caller& caller, NodeId node, int flags, bool kills_privileges = false);
  struct Created {
    NodeEntry entry;
    Opened opened;
  };
  Result<Created> create(const Scope& scope, const Caller& caller, NodeId parent, std::string_view name,
                         std::uint16_t mode, int flags, bool kills_privileges = false);
  Result<Created> create_unnamed(const Scope& scope, const Caller& caller, NodeId parent, std::uint16_t mode,
                                 int flags);
  /// At most into.size() bytes; fewer only at the end of the file.
  Result<std::size_t> read(const Scope& scope, std::uint64_t handle, NodeId node, std::uint64_t offset,
                           MutableByteSpan into);
  /// All of it, or an error: a write is never short here. With O_APPEND the offset is decided here.
  /// `kills_privileges`: the caller may not keep suid and sgid (FUSE_WRITE_KILL_SUIDGID). `from_page_cache`:
  /// FUSE_WRITE_CACHE.
  struct WriteFlags {
    bool kills_privileges = false;
    bool from_page_cache = false;
    /// Where an append writes down the offset it was given, before it writes. Null: nowhere.
    KeptRequest* request = nullptr;
  };
  Result<std::size_t> write(const Scope& scope, std::uint64_t handle, NodeId node, std::uint64_t offset, ByteSpan bytes,
                            WriteFlags flags);
  /// Part of close(2): what was written is in the store and durable when this is ok. Releases the owner's POSIX locks.
  Result<void> flush(const Scope& scope, std::uint64_t handle, NodeId node, LockOwner owner);
  Result<void> fsync(const Scope& scope, std::uint64_t handle, NodeId node, bool data_only);
  void release(const Scope& scope, std::uint64_t handle, NodeId node, std::optional<LockOwner> flock_owner);
  Result<void> fallocate(const Scope& scope, const Caller& caller, std::uint64_t handle, NodeId node, int mode,
                         std::uint64_t offset, std::uint64_t length);
  Result<std::uint64_t> seek(const Scope& scope, std::uint64_t handle, NodeId node, std::uint64_t offset,
                             int whence);  // SEEK_DATA, SEEK_HOLE
  Result<std::uint64_t> copy_file_range(const Scope& scope, std::uint64_t in_handle, NodeId in, std::uint64_t in_offset,
                                        std::uint64_t out_handle, NodeId out, std::uint64_t out_offset,
                                        std::uint64_t length);

  // Directories.
  Result<std::uint64_t> opendir(const Scope& scope, const Caller& caller, NodeId node);
  Result<void> readdir(const Scope& scope, const Caller& caller, std::uint64_t handle, NodeId node,
                       std::uint64_t cookie, bool plus, ListSink sink);
  Result<void> fsyncdir(const Scope& scope, NodeId node);
  void releasedir(std::uint64_t handle);

  // Locks. `done` is called exactly once, from any thread, perhaps before lock() returns. A waiting request holds no
  // thread; cancel() ends it with kInterrupted. `token` names it (the kernel's unique).
  struct LockAsk {
    NodeId node = 0;
    std::uint64_t handle = 0;
    LockOwner owner;
    meta::LockRequest request;
    bool is_flock = false;
    bool wait = false;
    std::uint64_t token = 0;
  };
  void lock(const Scope& scope, const LockAsk& ask, std::function<void(Result<void>)> done);
  Result<meta::LockRequest> getlk(const Scope& scope, const LockAsk& ask);
  void cancel(std::uint64_t token);

  // For commands and shutdown.
  Result<FilePlace> place_of(const Scope& scope, Ino ino);
  /// Where lanes put their lines for readers of `.accesslog`.
  AccessLog& access_log();
  /// Everything written so far is in the store and durable.
  Result<void> sync_all(const Scope& scope);
  /// Flushes all, stops background work. No request runs any more. Idempotent.
  Result<void> close(const Scope& scope);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::vfs
