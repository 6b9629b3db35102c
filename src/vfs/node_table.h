// SPDX-License-Identifier: Apache-2.0
// The kernel's numbers for files. The kernel's rules about how a file may be open are per number, so we hand out
// several for one file: a NodeId is an inode and an *incarnation* of it (DESIGN 8.3). st_ino is the inode all the
// while.
//
//   bits 48…62  incarnation
//   bits  0…47  the inode, packed: ordinary inodes as they are (below 2^46); bit 47: trash, as the distance from the
//               trash root; bits 47 and 46: the virtual files of the mount
//
// A number can be taken apart without a table, so a server that takes over after a crash understands the numbers its
// predecessor gave out.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/types.h"
#include "vfs/kernel_port.h"

namespace headrace::vfs {

inline constexpr Ino kVirtualInoBase{0x7FFFFFFF00000000ull};
constexpr bool is_virtual(Ino ino) { return ino > kVirtualInoBase && ino.value() < kVirtualInoBase.value() + 16; }

NodeId node_id(Ino ino, std::uint32_t incarnation);
Ino ino_of(NodeId node);
std::uint32_t incarnation_of(NodeId node);

/// Which numbers the kernel holds, and which incarnation of an inode a lookup hands out. Thread-safe; sharded; about 20
/// bytes a node.
class NodeTable {
 public:
  /// `first_incarnation`: where the numbers of regular files begin. A server that takes over begins beyond those of its
  /// predecessors, so that none of theirs is given out again.
  explicit NodeTable(std::uint32_t first_incarnation = 0);
  ~NodeTable();

  /// A lookup that is answered with this inode: the number of its current incarnation, counted once more. What is no
  /// regular file has one number for ever: a process may stand in a directory.
  NodeId remember(Ino ino, bool is_regular = true);
  /// The kernel holds this number of a regular file from an earlier server, with however many lookups: until it forgets
  /// it.
  void adopt(NodeId node);
  /// A lookup that was not answered after all (a listing's buffer was full).
  void take_back(NodeId node) { forget(node, 1); }
  /// The kernel gives back `lookups`. True: it holds the number no longer.
  bool forget(NodeId node, std::uint64_t lookups);
  /// Whether the kernel holds this number.
  bool is_held(NodeId node) const;
  /// Whether lookups are answered with this incarnation.
  bool is_current(NodeId node) const;
  /// From now on lookups of the inode get another number than `node`, one that the kernel does not hold. No effect when
  /// `node` is not current.
  void retire(NodeId node);
  /// The number that lookups get now.
  NodeId current(Ino ino) const;
  /// Every number of the inode that the kernel holds, but `except`.
  std::vector<NodeId> held_of(Ino ino, NodeId except) const;
  /// Notes that the kernel caches pages of this number, and of which version of the file (a digest that is not 0).
  /// Until it is forgotten.
  void set_cached_version(NodeId node, std::uint32_t version);
  /// 0: the kernel caches no pages of it.
  std::uint32_t cached_version(NodeId node) const;
  std::uint64_t held() const;

 private:
  struct Shard;
  static constexpr std::size_t kShards = 64;
  Shard& shard_of(Ino ino) const;
  const std::uint32_t first_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace headrace::vfs
