// SPDX-License-Identifier: Apache-2.0
// What the kernel names by a handle: an open file, an open directory, an open virtual file.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>

#include "base/mutex.h"
#include "vfs/directory.h"
#include "vfs/open_file.h"
#include "vfs/virtual_files.h"

namespace headrace::vfs {

struct Handle {
  Ino ino;
  NodeId node = 0;
  bool reads = false, writes = false, appends = false;
  /// The close has something to make durable: a name or bytes that this handle made.
  std::atomic<bool> owes_sync = false;
  std::shared_ptr<OpenFile> file;        // open files
  std::unique_ptr<Directory> directory;  // open directories
  std::unique_ptr<VirtualHandle> virtual_file;
  Mutex mutex;
  std::set<LockOwner> lock_owners GUARDED_BY(mutex);  // who took POSIX locks through this handle
  std::uint64_t errors_seen GUARDED_BY(mutex) = 0;    // of FileBytes::take_error
};

/// Numbers are never used twice. Thread-safe.
class Handles {
 public:
  std::uint64_t add(std::shared_ptr<Handle> handle) {
    const std::uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    Shard& shard = shards_[number % shards_.size()];
    MutexLock lock(shard.mutex);
    shard.handles.emplace(number, std::move(handle));
    return number;
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
    return handle;
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
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<std::uint64_t, std::shared_ptr<Handle>> handles GUARDED_BY(mutex);
  };
  std::atomic<std::uint64_t> next_ = 1;
  std::array<Shard, 16> shards_;
};

}  // namespace headrace::vfs
