// SPDX-License-Identifier: Apache-2.0
// A kernel that remembers what it was told.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/mutex.h"
#include "vfs/kernel_port.h"

namespace headrace::vfs::testing {

class FakeKernel final : public KernelPort {
 public:
  struct Invalidation {
    NodeId node = 0;
    std::int64_t offset = 0, length = 0;
  };

  struct Extension {
    NodeId node = 0;
    std::uint64_t length = 0;
    char last_byte = 0;
    friend bool operator==(const Extension&, const Extension&) = default;
  };

  /// Called by each drain(), as if the kernel did it while it takes the notifications.
  std::function<void()> on_drain;

  Result<std::int32_t> register_backing(int descriptor) override {
    MutexLock lock(mutex_);
    backings_.emplace_back(dup(descriptor));
    return static_cast<std::int32_t>(backings_.size());
  }
  /// What a passthrough reader of this backing sees.
  std::string backing_text(std::int32_t backing_id, std::uint64_t offset, std::size_t size) const {
    MutexLock lock(mutex_);
    std::string text(size, '?');
    const Result<std::size_t> got = pread_full(backings_.at(static_cast<std::size_t>(backing_id) - 1).get(),
                                               std::as_writable_bytes(std::span(text)), offset);
    text.resize(got.value_or(0));
    return text;
  }
  void release_backing(std::int32_t backing_id) override {
    MutexLock lock(mutex_);
    released_.push_back(backing_id);
  }
  void invalidate_inode(NodeId node, const InodeChange& change) override {
    MutexLock lock(mutex_);
    invalidations_.push_back({node, change.offset, change.length});
    if (change.end) extensions_.push_back({node, change.end->length, static_cast<char>(change.end->last_byte)});
  }
  void invalidate_entry(NodeId, const std::string&) override {}
  Result<void> drain(const Scope&, const Asker&) override {
    if (on_drain) on_drain();
    return {};
  }

  std::vector<std::int32_t> released() const {
    MutexLock lock(mutex_);
    return released_;
  }
  /// Whether the kernel was told to drop cached bytes (not only attributes) of this number.
  bool dropped_pages_of(NodeId node) const {
    MutexLock lock(mutex_);
    return std::any_of(invalidations_.begin(), invalidations_.end(),
                       [node](const Invalidation& i) { return i.node == node && i.offset >= 0; });
  }
  bool dropped_attributes_of(NodeId node) const {
    MutexLock lock(mutex_);
    return std::any_of(invalidations_.begin(), invalidations_.end(),
                       [node](const Invalidation& i) { return i.node == node; });
  }
  /// How far the kernel was told that numbers reach, in the order told.
  std::vector<Extension> extensions() const {
    MutexLock lock(mutex_);
    return extensions_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<UniqueFd> backings_ GUARDED_BY(mutex_);
  std::vector<std::int32_t> released_ GUARDED_BY(mutex_);
  std::vector<Invalidation> invalidations_ GUARDED_BY(mutex_);
  std::vector<Extension> extensions_ GUARDED_BY(mutex_);
};

}  // namespace headrace::vfs::testing
