// SPDX-License-Identifier: Apache-2.0
// What the kernel names by a handle: an open file, an open directory, an open virtual file.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "block/readahead.h"
#include "vfs/directory.h"
#include "vfs/open_file.h"
#include "vfs/takeover_index.h"
#include "vfs/virtual_files.h"

namespace headrace::vfs {

/// What is not guarded or atomic stays as it was when the handle was made: a request may still hold it when it is
/// released.
struct Handle {
  Ino ino;
  NodeId node = 0;
  bool reads = false, writes = false, appends = false;
  /// The close has something to make durable: a name or bytes that this handle made.
  std::atomic<bool> owes_sync = false;
  /// Of a server that died, which may have lost what was written through it: told at the next write already.
  std::atomic<bool> may_have_lost = false;
  std::shared_ptr<OpenFile> file;        // open files
  std::unique_ptr<Directory> directory;  // open directories
  std::unique_ptr<VirtualHandle> virtual_file;
  Mutex mutex;
  std::set<LockOwner> lock_owners GUARDED_BY(mutex);  // who took POSIX locks through this handle
  std::uint64_t errors_seen GUARDED_BY(mutex) = 0;    // of FileBytes::take_error
  block::Readahead readahead GUARDED_BY(mutex);
  std::uint64_t read_bytes GUARDED_BY(mutex) = 0;  // by reads that came to us
  bool asked_for_whole GUARDED_BY(mutex) = false;  // a copy of the whole file was begun, or could not be
  KeptHandle* kept = nullptr;                      // null: not kept for a successor
  std::vector<KeptLock*> kept_locks GUARDED_BY(mutex);
};

/// Numbers are never used twice. Thread-safe.
class Handles {
 public:
  /// `index` may be null: then nothing is kept for a successor.
  explicit Handles(TakeoverIndex* index) : index_(index) {}

  std::uint64_t add(std::shared_ptr<Handle> handle, NodeMode mode = NodeMode::kDirect, std::int32_t backing_id = 0) {
    const std::uint64_t number =
        index_ != nullptr ? index_->new_handle_number() : next_.fetch_add(1, std::memory_order_relaxed);
    keep(*handle, number, mode, backing_id);
    put(number, std::move(handle));
    return number;
  }
  /// A handle that an earlier server gave out.
  void put(std::uint64_t number, std::shared_ptr<Handle> handle) {
    Shard& shard = shards_[number % shards_.size()];
    MutexLock lock(shard.mutex);
    shard.handles.emplace(number, std::move(handle));
  }
  /// Null: no such handle.
  std::shared_ptr<Handle> find(std::uint64_t number) const {
    const Shard& shard = shards_[number % shards_.size()];
    MutexLock lock(shard.mutex);
    const auto found = shard.handles.find(number);
    return found == shard.handles.end() ? nullptr : found->second;
  }
  std::shared_ptr<Handle> remove(std::uint64_t number) {
    Shard& shard = shards_[number % shards_.size()];
    MutexLock lock(shard.mutex);
    const auto found = shard.handles.find(number);
    if (found == shard.handles.end()) return nullptr;
    std::shared_ptr<Handle> handle = std::move(found->second);
    shard.handles.erase(found);
    if (index_ != nullptr) drop(*handle);
    return handle;
  }
  /// POSIX locks were taken through the handle by this owner.
  void keep_lock(Handle& handle, std::uint64_t number, LockOwner owner) REQUIRES(handle.mutex) {
    if (!handle.lock_owners.insert(owner).second || index_ == nullptr) return;
    KeptLock* const lock = index_->locks.take();
    if (lock == nullptr) return;
    lock->owner = owner.value();
    KeptTable<KeptLock>::publish(*lock, number);
    handle.kept_locks.push_back(lock);
  }
  std::size_t count() const {
    std::size_t sum = 0;
    for (const Shard& shard : shards_) {
      MutexLock lock(shard.mutex);
      sum += shard.handles.size();
    }
    return sum;
  }

 private:
  void keep(Handle& handle, std::uint64_t number, NodeMode mode, std::int32_t backing_id) {
    if (index_ == nullptr || handle.virtual_file != nullptr) return;
    handle.kept = index_->handles.take();
    if (handle.kept == nullptr) return;
    KeptHandle& kept = *handle.kept;
    kept.node = handle.node;
    kept.flags = (handle.reads ? KeptHandle::kReads : 0) | (handle.writes ? KeptHandle::kWrites : 0) |
                 (handle.appends ? KeptHandle::kAppends : 0) |
                 (handle.directory != nullptr ? KeptHandle::kDirectory : 0);
    kept.mode = static_cast<std::uint32_t>(mode);
    kept.backing_id = backing_id;
    kept.listing_start.store(0);
    KeptTable<KeptHandle>::publish(kept, number);
  }
  void drop(Handle& handle) {
    index_->handles.give_back(std::exchange(handle.kept, nullptr));
    MutexLock lock(handle.mutex);
    for (KeptLock* const kept : handle.kept_locks) index_->locks.give_back(kept);
    handle.kept_locks.clear();
  }

  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<std::uint64_t, std::shared_ptr<Handle>> handles GUARDED_BY(mutex);
  };
  TakeoverIndex* const index_;
  std::atomic<std::uint64_t> next_ = 1;
  std::array<Shard, 16> shards_;
};

}  // namespace headrace::vfs
