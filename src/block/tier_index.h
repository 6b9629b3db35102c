// SPDX-License-Identifier: Apache-2.0
// What the node's tier holds and in which order it lets go: whole copies and blocks in one list, least recently used
// last. Nothing that somebody refers to is ever let go.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/mutex.h"
#include "block/arena.h"
#include "block/block.h"
#include "block/checked_copy.h"
#include "block/node_tier.h"
#include "block/space.h"

namespace headrace::block {

/// What the index needs to know of a copy besides its face.
class TierFile : public NodeFile {
 public:
  /// What it takes from the space by itself; 0 for a slot of the arena.
  virtual std::uint64_t own_bytes() const = 0;
  /// What it takes at all.
  virtual std::uint64_t counted_bytes() const = 0;
  /// It is out of the index from now on: its bytes count as pinned until its last reference goes. Once.
  virtual void on_forgotten() = 0;
};

/// Thread-safe.
class TierIndex {
 public:
  TierIndex(std::shared_ptr<Space> space, std::shared_ptr<Arena> arena)
      : space_(std::move(space)), arena_(std::move(arena)) {}

  /// Both count as use.
  std::shared_ptr<TierFile> find(const CopyKey& key);
  std::shared_ptr<CheckedCopy> find(const BlockKey& key);
  bool contains(const BlockKey& key) const;

  /// Puts it in, unless one with its key is there already: then that one comes back.
  std::shared_ptr<TierFile> insert(std::shared_ptr<TierFile> file);
  void insert(const BlockKey& key, std::shared_ptr<CheckedCopy> copy);

  void forget(const CopyKey& key);
  void forget(const BlockKey& key);
  /// Only if it is this very copy that is in the index.
  void forget(const TierFile& file);
  /// The same for what failed its check, counted.
  void drop_damaged(const TierFile& file);
  void drop_damaged(const BlockKey& key, const CheckedCopy& copy);

  /// Takes bytes from the space, letting go what it must; false, and nothing taken, when all that is left is in use.
  bool take_space(std::uint64_t bytes);
  /// A slot of the arena, letting go what it must.
  std::optional<Slot> take_slot(std::uint64_t bytes);
  /// Lets go until `bytes` have been given back to the kernel; returns how many were.
  std::uint64_t shrink(std::uint64_t bytes);

  /// The numbers that the index knows: sizes, files, complete_files, blocks, pinned_bytes, evictions, file_evictions,
  /// damaged.
  NodeTierStats stats() const;

  Space& space() { return *space_; }
  const std::shared_ptr<Space>& shared_space() const { return space_; }
  const std::shared_ptr<Arena>& shared_arena() const { return arena_; }

 private:
  struct Item {
    std::shared_ptr<TierFile> file;  // this, or
    BlockKey block;                  // this
    std::shared_ptr<CheckedCopy> copy;
    bool is_used() const { return file != nullptr ? file.use_count() > 1 : copy.use_count() > 1; }
  };
  using Items = std::list<Item>;

  /// Lets one thing go; nothing when all are in use. Its bytes are back when this returns: those of its own in the
  /// space, a slot in the arena. Returns those of its own.
  std::optional<std::uint64_t> evict_one();
  void erase(Items::iterator item, Items& dropped) REQUIRES(mutex_);
  void erase(const TierFile& file, Items& dropped) REQUIRES(mutex_);

  const std::shared_ptr<Space> space_;
  const std::shared_ptr<Arena> arena_;
  mutable Mutex mutex_;
  Items items_ GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<CopyKey, Items::iterator, CopyKeyHash> files_ GUARDED_BY(mutex_);
  std::unordered_map<BlockKey, Items::iterator> blocks_ GUARDED_BY(mutex_);
  std::uint64_t evictions_ GUARDED_BY(mutex_) = 0, file_evictions_ GUARDED_BY(mutex_) = 0;
  std::uint64_t damaged_ GUARDED_BY(mutex_) = 0;
};

}  // namespace headrace::block
