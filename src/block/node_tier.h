// SPDX-License-Identifier: Apache-2.0
// What this node keeps in RAM: whole files, which the kernel may serve by itself (passthrough), and single blocks. All
// of it lives in one detached tmpfs (fsopen, huge=within_size, mode 0700, never moved into the tree), so no path leads
// to it and it is gone with its last descriptor. DESIGN 8.4 is the law here: a copy is sized first, filled in 2
// MiB-aligned units with a presence bitmap set after the checksum, published once when complete, and a descriptor
// handed out is never reused for other bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/log.h"
#include "block/block.h"

namespace headrace::block {

/// What a whole copy is a copy of: equal keys mean equal bytes. For volumes: volume UUID, inode, a digest of the
/// visible extents, length.
struct CopyKey {
  std::string identity;
  std::uint64_t length = 0;
  friend bool operator==(const CopyKey&, const CopyKey&) = default;
};

struct CopyKeyHash {
  std::size_t operator()(const CopyKey& key) const noexcept {
    return std::hash<std::string>()(key.identity) ^ (static_cast<std::size_t>(key.length) * 0x9E3779B97F4A7C15ull);
  }
};

/// A file of the tier that holds, or will hold, one version of one file. Thread-safe. While any reference lives its
/// bytes stay: eviction takes it out of the index and frees nothing that is still referenced ("pinned").
class NodeFile {
 public:
  virtual ~NodeFile() = default;
  virtual const CopyKey& key() const = 0;
  /// All bytes present and verified; from then on for ever.
  virtual bool is_complete() const = 0;
  /// The descriptor to hand to the kernel. Only when complete, and only for copies of kOwnFileBytesMin or more (CHECK):
  /// shorter ones share a file. Stays open while this object lives.
  virtual int descriptor() const = 0;
  /// Whether [offset, offset + length) is present; then read() answers from here.
  virtual bool has(std::uint64_t offset, std::uint64_t length) const = 0;
  /// Copies bytes out. kNotFound when some are not present. A short copy is checked as read_block() does.
  virtual Result<void> read(std::uint64_t offset, MutableByteSpan into) const = 0;
  /// Fills one unit (offset a multiple of kFillUnit, the last one short). The bytes have been checked by the caller.
  /// kNoSpace when the tmpfs is full: the copy is then dropped from the index. Filling what is present, or is being
  /// filled by another, is no error. The last unit completes the copy.
  virtual Result<void> fill(std::uint64_t offset, ByteSpan bytes) = 0;
  /// A complete copy that has been taken out of the index (NodeTier::forget) and is written by its owner: write-through
  /// of DESIGN 8.3. Grows the file as needed, within the tier's room: kNoSpace. Not for copies below kOwnFileBytesMin
  /// (CHECK).
  virtual Result<void> write_through(std::uint64_t offset, ByteSpan bytes) = 0;
  virtual Result<void> truncate_through(std::uint64_t length) = 0;
};

inline constexpr std::uint64_t kFillUnit = 2u << 20;
/// Copies from this length on are files of their own, with a descriptor for the kernel.
inline constexpr std::uint64_t kOwnFileBytesMin = 1u << 20;

struct NodeTierStats {
  std::uint64_t bytes_max = 0, used_bytes = 0, pinned_bytes = 0;
  std::uint64_t files = 0, complete_files = 0, blocks = 0;
  std::uint64_t hits = 0, misses = 0, evictions = 0, damaged = 0;
  std::uint64_t file_hits = 0, file_misses = 0, file_evictions = 0;  // of those, of whole copies
  std::uint64_t puts = 0, put_bytes = 0, drops = 0;                  // blocks: kept, and not kept for want of room
  std::string place;  // "tmpfs with huge pages", "tmpfs", "directory DIR", "memfd", "none"
};

struct NodeTierOptions {
  std::uint64_t bytes_max = 1ull << 30;  // 0: no tier; everything answers "not here"
  /// Where files come from when this process may not make a tmpfs: a directory on a tmpfs or disk, used with O_TMPFILE.
  /// Empty: memfds.
  std::string fallback_directory = {};
  /// Whether to try a tmpfs at all.
  bool may_mount = true;
};

class NodeTier {
 public:
  virtual ~NodeTier() = default;

  /// The copy in the index, or nothing. Counts as use.
  virtual std::shared_ptr<NodeFile> find(const CopyKey& key) = 0;
  /// The copy, or a new empty one: room for all of it is reserved first, by evicting what nobody refers to. kNoSpace:
  /// it cannot be held now.
  virtual Result<std::shared_ptr<NodeFile>> find_or_create(const CopyKey& key) = 0;
  /// Takes a copy out of the index: it will be written and no longer is what its key says. Its references stay valid.
  virtual void forget(const CopyKey& key) = 0;
  /// Gives a block up. Who reads it now reads on.
  virtual void forget(const BlockKey& key) = 0;

  /// A block's bytes, checked against the checksum made when it was put; kNotFound. A copy that fails its check is
  /// dropped and counted.
  virtual Result<void> read_block(const BlockKey& key, std::uint32_t offset, MutableByteSpan into) = 0;
  /// Whether it is here now. Counts neither as use nor as hit.
  virtual bool has_block(const BlockKey& key) const = 0;
  /// Keeps a block if there is room without evicting whole files that are in use. Never waits.
  virtual void put_block(const BlockKey& key, ByteSpan bytes) = 0;

  /// Gives back at least `bytes` of what is not pinned, least recently used first; returns how many were freed.
  virtual std::uint64_t shrink(std::uint64_t bytes) = 0;
  virtual NodeTierStats stats() const = 0;
};

/// Never fails: where no place can be had at all the tier holds nothing, and the log says why. It has no thread;
/// block/pressure.h has one. Its files may outlive it. `log` outlives it.
std::unique_ptr<NodeTier> new_node_tier(const Log& log, const NodeTierOptions& options);

}  // namespace headrace::block
