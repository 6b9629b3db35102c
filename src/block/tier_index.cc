// SPDX-License-Identifier: Apache-2.0
// Two maps into one list. What is dropped ends after the mutex is free: closing a large file takes the kernel
// milliseconds.
#include "block/tier_index.h"

#include <algorithm>
#include <utility>

namespace headrace::block {

std::shared_ptr<TierFile> TierIndex::find(const CopyKey& key) {
  MutexLock lock(mutex_);
  const auto found = files_.find(key);
  if (found == files_.end()) return nullptr;
  items_.splice(items_.begin(), items_, found->second);
  return found->second->file;
}

std::shared_ptr<CheckedCopy> TierIndex::find(const BlockKey& key) {
  MutexLock lock(mutex_);
  const auto found = blocks_.find(key);
  if (found == blocks_.end()) return nullptr;
  items_.splice(items_.begin(), items_, found->second);
  return found->second->copy;
}

bool TierIndex::contains(const BlockKey& key) const {
  MutexLock lock(mutex_);
  return blocks_.contains(key);
}

std::shared_ptr<TierFile> TierIndex::insert(std::shared_ptr<TierFile> file) {
  MutexLock lock(mutex_);
  const auto found = files_.find(file->key());
  if (found != files_.end()) return found->second->file;
  items_.push_front({file, {}, nullptr});
  files_.emplace(file->key(), items_.begin());
  return file;
}

void TierIndex::insert(const BlockKey& key, std::shared_ptr<CheckedCopy> copy) {
  MutexLock lock(mutex_);
  if (blocks_.contains(key)) return;
  items_.push_front({nullptr, key, std::move(copy)});
  blocks_.emplace(key, items_.begin());
}

void TierIndex::erase(Items::iterator item, Items& dropped) {
  if (item->file != nullptr) {
    files_.erase(item->file->key());
    if (item->is_used()) item->file->on_forgotten();
  } else {
    blocks_.erase(item->block);
  }
  dropped.splice(dropped.begin(), items_, item);
}

void TierIndex::forget(const CopyKey& key) {
  Items dropped;
  MutexLock lock(mutex_);
  const auto found = files_.find(key);
  if (found != files_.end()) erase(found->second, dropped);
  lock.unlock();
}

void TierIndex::forget(const BlockKey& key) {
  Items dropped;
  MutexLock lock(mutex_);
  const auto found = blocks_.find(key);
  if (found != blocks_.end()) erase(found->second, dropped);
  lock.unlock();
}

void TierIndex::erase(const TierFile& file, Items& dropped) {
  const auto found = files_.find(file.key());
  if (found != files_.end() && found->second->file.get() == &file) erase(found->second, dropped);
}

void TierIndex::forget(const TierFile& file) {
  Items dropped;
  MutexLock lock(mutex_);
  erase(file, dropped);
  lock.unlock();
}

void TierIndex::drop_damaged(const TierFile& file) {
  Items dropped;
  MutexLock lock(mutex_);
  ++damaged_;
  erase(file, dropped);
  lock.unlock();
}

void TierIndex::drop_damaged(const BlockKey& key, const CheckedCopy& copy) {
  Items dropped;
  MutexLock lock(mutex_);
  ++damaged_;
  const auto found = blocks_.find(key);
  if (found != blocks_.end() && found->second->copy.get() == &copy) erase(found->second, dropped);
  lock.unlock();
}

std::optional<std::uint64_t> TierIndex::evict_one() {
  Items dropped;
  std::uint64_t own_bytes = 0;
  {
    MutexLock lock(mutex_);
    // What is in use goes to the front: it is the most recently used there is.
    std::size_t looked_at = 0;
    const std::size_t count = items_.size();
    while (looked_at < count && items_.back().is_used()) {
      items_.splice(items_.begin(), items_, std::prev(items_.end()));
      ++looked_at;
    }
    if (looked_at == count) return std::nullopt;
    if (items_.back().file != nullptr) {
      own_bytes = items_.back().file->own_bytes();
      ++file_evictions_;
    }
    erase(std::prev(items_.end()), dropped);
    ++evictions_;
  }
  dropped.clear();
  return own_bytes;
}

bool TierIndex::take_space(std::uint64_t bytes) {
  if (bytes > space_->bytes_max()) return false;
  while (!space_->try_take(bytes)) {
    const std::uint64_t free = space_->bytes_max() - std::min(space_->bytes_max(), space_->used_bytes());
    if (arena_->release_free(bytes - std::min(bytes, free)) > 0) continue;
    if (!evict_one()) return false;
  }
  return true;
}

std::optional<Slot> TierIndex::take_slot(std::uint64_t bytes) {
  if (bytes > space_->bytes_max()) return std::nullopt;
  while (true) {
    if (const std::optional<Slot> slot = arena_->allocate(bytes)) return slot;
    // Free slabs in rows of another length may do, once the kernel has taken them back.
    if (arena_->release_free(bytes) > 0) continue;
    if (!evict_one()) return std::nullopt;
  }
}

std::uint64_t TierIndex::shrink(std::uint64_t bytes) {
  std::uint64_t freed = 0;
  while (freed < bytes) {
    const std::uint64_t released = arena_->release_free(bytes - freed);
    freed += released;
    if (released > 0) continue;
    const std::optional<std::uint64_t> own_bytes = evict_one();
    if (!own_bytes) break;
    freed += *own_bytes;
  }
  return freed;
}

NodeTierStats TierIndex::stats() const {
  NodeTierStats stats;
  stats.bytes_max = space_->bytes_max();
  stats.used_bytes = space_->used_bytes();
  stats.pinned_bytes = space_->forgotten_bytes;
  MutexLock lock(mutex_);
  stats.files = files_.size();
  stats.blocks = blocks_.size();
  stats.evictions = evictions_;
  stats.file_evictions = file_evictions_;
  stats.damaged = damaged_;
  for (const auto& [key, item] : files_) {
    if (item->file->is_complete()) stats.complete_files += 1;
    if (item->is_used()) stats.pinned_bytes += item->file->counted_bytes();
  }
  return stats;
}

}  // namespace headrace::block
