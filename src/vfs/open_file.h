// SPDX-License-Identifier: Apache-2.0
// One file that is open, dirty, or served by the kernel from a copy: its bytes, and the numbers (incarnations) under
// which the kernel knows it, each with one mode and one backing until the kernel forgets it (DESIGN 8.3).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "vfs/file_bytes.h"
#include "vfs/kernel_port.h"
#include "vfs/node_table.h"
#include "vfs/policy.h"

namespace headrace::vfs {

/// What an open of a number got.
struct OpenedMode {
  OpenMode mode = OpenMode::kDirect;
  bool keep_cache = false;
  std::int32_t backing_id = 0;
};

struct HandleCounts {
  std::uint32_t handles = 0, pass = 0, direct = 0, cached = 0, writers = 0;
  /// The number that lookups get stands on a copy that shows the file's bytes, whether or not the tier's index still
  /// names it.
  bool has_backing = false;
};

/// Thread-safe.
class OpenFile final {
  struct Changed;

 public:
  OpenFile(const Context& context, NodeTable& nodes, Ino ino, Attr attr);
  ~OpenFile();

  FileBytes& bytes() { return bytes_; }
  const FileBytes& bytes() const { return bytes_; }
  Ino ino() const { return bytes_.ino(); }

  /// Decides how the kernel shall serve an open of `node` and counts the handle. kStale: the number was retired, look
  /// up again. `attr` is what the metadata said just now. `copy` is a complete copy of exactly these bytes, if the node
  /// has one.
  Result<OpenedMode> open(NodeId node, bool reads, bool writes, const Attr& attr, std::shared_ptr<block::NodeFile> copy,
                          KernelPort* kernel);
  void close(NodeId node, bool writes);
  /// A handle, and a backing, that an earlier server gave out. The backing's file is written along from now on, as any
  /// copy that left the tier; `shows_bytes`: it holds what the file holds.
  void adopt_handle(NodeId node, NodeMode mode, bool writes);
  void adopt_backing(NodeId node, KeptBacking& kept, std::shared_ptr<block::NodeFile> copy, bool shows_bytes);
  /// The kernel holds the number no longer: its backing is given back.
  void forgotten(NodeId node, KernelPort* kernel);

  /// Whether asking for a whole copy could change how a read-only open is answered.
  bool wants_copy(NodeId node, const Attr& attr) const;
  /// Nothing needs this object any more: no handles, nothing unflushed, no backing in the kernel's hands.
  bool is_idle() const;
  HandleCounts counts() const;

  /// A watcher for changes that come in through `node`: keeps copies equal, has other numbers' caches dropped.
  class Mirror final : public ByteWatcher {
   public:
    /// `is_write_back`: the change is a page of a mapping.
    Mirror(OpenFile& file, NodeId origin, KernelPort* kernel, bool is_write_back = false)
        : file_(file), kernel_(kernel), origin_(origin), is_write_back_(is_write_back) {}
    Result<void> before_change(const Scope& scope, std::uint64_t offset, std::uint64_t length) override;
    Result<void> wrote(std::uint64_t offset, ByteSpan bytes) override;
    Result<void> resized(const LengthChange& length) override;
    Result<void> replaced(const Scope& scope, std::uint64_t offset, std::uint64_t length) override;
    Result<void> settle(const Scope& scope) override;

   private:
    void tell_others(const Changed& changed);

    OpenFile& file_;
    KernelPort* const kernel_;  // null: nobody else has anything cached
    const NodeId origin_;
    const bool is_write_back_;
    bool owes_wait_ = false;
  };

 private:
  struct Node {
    NodeId id = 0;
    NodeMode mode = NodeMode::kNone;
    std::shared_ptr<block::NodeFile> copy;  // kPass: what the kernel reads
    std::int32_t backing_id = 0;
    KeptBacking* kept = nullptr;  // in the index
    bool backing_holds = true;
    bool is_private = false;  // the copy left the tier's index: it is written along
    std::uint32_t handles = 0, writers = 0;
    Timestamp seen_mtime, seen_ctime;  // kPass: of the version that the copy shows
  };

  Node& node_of(NodeId id) REQUIRES(mutex_);
  void keep_backing(Node& node, int descriptor) REQUIRES(mutex_);
  bool has_writers() const REQUIRES(mutex_);
  bool is_quiet(const Attr& attr) const REQUIRES(mutex_);
  Result<OpenedMode> open_pass(Node& node, std::shared_ptr<block::NodeFile> copy, KernelPort* kernel, bool direct)
      REQUIRES(mutex_);
  OpenedMode open_cached(Node& node, const Attr& attr) REQUIRES(mutex_);
  static std::uint32_t version_of(const Attr& attr);
  /// The copies that the kernel still reads, taken out of the tier's index for good.
  std::vector<std::shared_ptr<block::NodeFile>> copies_to_write() EXCLUDES(mutex_);
  /// `length` 0: to the end. `end`: set when it may have moved on.
  struct Changed {
    std::uint64_t offset = 0, length = 0;
    std::optional<FileEnd> end;
  };
  /// Whether somebody may see what was before until the kernel has taken it.
  bool invalidate_others(NodeId origin, const Changed& changed, KernelPort& kernel) EXCLUDES(mutex_);
  /// Has the kernel bring stores through mappings of other numbers. False: there can be none.
  bool call_in_stores(NodeId origin, std::uint64_t offset, std::uint64_t length, KernelPort& kernel) EXCLUDES(mutex_);
  void distrust(const block::NodeFile& copy) EXCLUDES(mutex_);

  const Context& context_;
  NodeTable& nodes_;
  FileBytes bytes_;
  mutable Mutex mutex_;
  std::vector<Node> open_nodes_ GUARDED_BY(mutex_);
};

struct Acquired {
  std::shared_ptr<OpenFile> file;
  Attr attr;  // committed, and no older than the file's
};

/// All such files of a mount, by inode. Thread-safe.
class FileTable {
 public:
  FileTable(const Context& context, NodeTable& nodes) : context_(context), nodes_(nodes) {}

  /// The file, made when it is not there. What was read is read once more when a commit of this mount came between.
  Result<Acquired> acquire(const Scope& scope, Ino ino, ReadAttr read);
  std::shared_ptr<OpenFile> find(Ino ino) const;
  /// Drops the file from the table if nothing needs it.
  void drop_if_idle(const std::shared_ptr<OpenFile>& file);
  std::vector<std::shared_ptr<OpenFile>> all() const;

 private:
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<Ino, std::shared_ptr<OpenFile>> files GUARDED_BY(mutex);
  };
  Shard& shard_of(Ino ino) const { return shards_[ino.value() % shards_.size()]; }

  const Context& context_;
  NodeTable& nodes_;
  mutable std::array<Shard, 16> shards_;
};

}  // namespace headrace::vfs
