// SPDX-License-Identifier: Apache-2.0
// Lookup counts by number, and the current incarnation of those inodes that are beyond their first.
#include "vfs/node_table.h"

#include <algorithm>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/check.h"
#include "base/mutex.h"

namespace headrace::vfs {
namespace {

constexpr std::uint64_t kInoBits = 48;
constexpr std::uint64_t kInoMask = (1ull << kInoBits) - 1;
constexpr std::uint64_t kSpecial = 1ull << 47, kVirtual = 1ull << 46;
constexpr std::uint32_t kIncarnations = 1u << 15;

std::uint64_t pack(Ino ino) {
  if (is_virtual(ino)) return kSpecial | kVirtual | (ino.value() - kVirtualInoBase.value());
  if (is_trash(ino)) {
    CHECK(ino.value() - kTrashRoot.value() < kVirtual);
    return kSpecial | (ino.value() - kTrashRoot.value());
  }
  CHECK(ino.value() < kVirtual);
  return ino.value();
}

Ino unpack(std::uint64_t packed) {
  if ((packed & kSpecial) == 0) return Ino{packed};
  if ((packed & kVirtual) != 0) return Ino{kVirtualInoBase.value() + (packed & (kVirtual - 1))};
  return Ino{kTrashRoot.value() + (packed & (kVirtual - 1))};
}

}  // namespace

NodeId node_id(Ino ino, std::uint32_t incarnation) {
  return (std::uint64_t{incarnation % kIncarnations} << kInoBits) | pack(ino);
}
Ino ino_of(NodeId node) { return unpack(node & kInoMask); }
std::uint32_t incarnation_of(NodeId node) { return static_cast<std::uint32_t>(node >> kInoBits); }

struct NodeTable::Shard {
  struct Held {
    std::uint32_t lookups = 0;
    std::uint32_t cached_version = 0;
  };
  mutable Mutex mutex;
  boost::unordered_flat_map<NodeId, Held> held GUARDED_BY(mutex);
  // By inode; absent: the first.
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> incarnations GUARDED_BY(mutex);
  // How far beyond the first one they ever went.
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> incarnations_top GUARDED_BY(mutex);
  // By inode: numbers of earlier servers.
  boost::unordered_flat_map<std::uint64_t, std::vector<NodeId>> adopted GUARDED_BY(mutex);

  NodeId current(Ino ino, std::uint32_t first) const REQUIRES(mutex) {
    const auto found = incarnations.find(ino.value());
    return node_id(ino, found == incarnations.end() ? first : found->second);
  }
};

NodeTable::NodeTable(std::uint32_t first_incarnation)
    : first_(first_incarnation % kIncarnations), shards_(std::make_unique<Shard[]>(kShards)) {}
NodeTable::~NodeTable() = default;

NodeTable::Shard& NodeTable::shard_of(Ino ino) const { return shards_[ino.value() % kShards]; }

NodeId NodeTable::remember(Ino ino, bool is_regular) {
  Shard& shard = shard_of(ino);
  MutexLock lock(shard.mutex);
  const NodeId node = is_regular ? shard.current(ino, first_) : node_id(ino, 0);
  ++shard.held[node].lookups;
  return node;
}

void NodeTable::adopt(NodeId node) {
  const Ino ino = ino_of(node);
  Shard& shard = shard_of(ino);
  MutexLock lock(shard.mutex);
  // One lookup: the kernel forgets a number once, with all it ever counted.
  if (!shard.held.try_emplace(node, Shard::Held{1, 0}).second) return;
  shard.adopted[ino.value()].push_back(node);
}

bool NodeTable::forget(NodeId node, std::uint64_t lookups) {
  if (node == node_id(kRootIno, 0)) return false;
  Shard& shard = shard_of(ino_of(node));
  MutexLock lock(shard.mutex);
  const auto found = shard.held.find(node);
  if (found == shard.held.end()) return false;  // a number of an earlier server: its counts are not ours
  if (found->second.lookups > lookups) {
    found->second.lookups -= static_cast<std::uint32_t>(lookups);
    return false;
  }
  shard.held.erase(found);
  if (const auto old = shard.adopted.find(ino_of(node).value()); old != shard.adopted.end()) {
    std::erase(old->second, node);
    if (old->second.empty()) shard.adopted.erase(old);
  }
  return true;
}

bool NodeTable::is_held(NodeId node) const {
  Shard& shard = shard_of(ino_of(node));
  MutexLock lock(shard.mutex);
  return shard.held.contains(node);
}

bool NodeTable::is_current(NodeId node) const { return current(ino_of(node)) == node; }

NodeId NodeTable::current(Ino ino) const {
  Shard& shard = shard_of(ino);
  MutexLock lock(shard.mutex);
  return shard.current(ino, first_);
}

void NodeTable::retire(NodeId node) {
  const Ino ino = ino_of(node);
  Shard& shard = shard_of(ino);
  MutexLock lock(shard.mutex);
  if (shard.current(ino, first_) != node) return;
  // The lowest of our numbers that the kernel does not hold: 32,768 held ones would need as many handles of different
  // kinds.
  std::uint32_t beyond = 0;
  while (beyond + 1 < kIncarnations && ((first_ + beyond) % kIncarnations == incarnation_of(node) ||
                                        shard.held.contains(node_id(ino, first_ + beyond))))
    ++beyond;
  shard.incarnations[ino.value()] = (first_ + beyond) % kIncarnations;
  std::uint32_t& top = shard.incarnations_top[ino.value()];
  top = std::max(top, beyond);
}

std::vector<NodeId> NodeTable::held_of(Ino ino, NodeId except) const {
  Shard& shard = shard_of(ino);
  std::vector<NodeId> numbers;
  MutexLock lock(shard.mutex);
  const auto top = shard.incarnations_top.find(ino.value());
  const std::uint32_t last = top == shard.incarnations_top.end() ? 0 : top->second;
  for (std::uint32_t i = 0; i <= last; ++i) {
    const NodeId node = node_id(ino, first_ + i);
    if (node != except && shard.held.contains(node)) numbers.push_back(node);
  }
  // A directory's one number.
  if (const NodeId one = node_id(ino, 0); first_ != 0 && one != except && shard.held.contains(one))
    numbers.push_back(one);
  if (const auto old = shard.adopted.find(ino.value()); old != shard.adopted.end()) {
    for (const NodeId node : old->second) {
      if (node != except && std::find(numbers.begin(), numbers.end(), node) == numbers.end()) numbers.push_back(node);
    }
  }
  return numbers;
}

void NodeTable::set_cached_version(NodeId node, std::uint32_t version) {
  Shard& shard = shard_of(ino_of(node));
  MutexLock lock(shard.mutex);
  if (const auto found = shard.held.find(node); found != shard.held.end()) found->second.cached_version = version;
}

std::uint32_t NodeTable::cached_version(NodeId node) const {
  Shard& shard = shard_of(ino_of(node));
  MutexLock lock(shard.mutex);
  const auto found = shard.held.find(node);
  return found == shard.held.end() ? 0 : found->second.cached_version;
}

std::uint64_t NodeTable::held() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    MutexLock lock(shards_[i].mutex);
    sum += shards_[i].held.size();
  }
  return sum;
}

}  // namespace headrace::vfs
