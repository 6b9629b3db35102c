// SPDX-License-Identifier: Apache-2.0
// Block storage for tests of the file system: slices in memory, uploads that a test can hold back or let fail. It keeps
// the contract of block/block_store.h, reads of unknown slices included.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/event.h"
#include "block/block_store.h"

namespace headrace::vfs::testing {

class FakeBlocks final : public block::BlockStore {
 public:
  explicit FakeBlocks(Scheduler& scheduler) : changed_(scheduler.new_event()) {}

  Result<void> read(const Scope& scope, std::span<const Extent> extents, std::uint64_t file_offset,
                    MutableByteSpan into) override;
  Result<void> read_uncached(const Scope& scope, std::span<const Extent> extents, std::uint64_t file_offset,
                             MutableByteSpan into) override {
    return read(scope, extents, file_offset, into);
  }
  void prefetch(std::span<const Extent>) override {}
  std::unique_ptr<block::SliceBuffer> new_slice(SliceId slice) override;
  Result<void> remove_slice(const Scope& scope, SliceId slice, std::uint32_t slice_size) override;
  Result<void> close(const Scope&) override { return {}; }
  block::BlockStoreStats stats() const override { return {}; }

  /// Uploads wait from now on until release_uploads().
  void hold_uploads();
  void release_uploads();
  /// Every upload fails with this code from now on; nothing: they succeed again.
  void fail_uploads(std::optional<Code> code);
  /// Writes beyond this many unstored bytes wait for the budget (and time out).
  void limit_buffer(std::uint64_t bytes_max);
  /// Called once, before the next read looks for its slices.
  void before_next_read(std::function<void()> action);
  std::size_t stored_slices() const;
  /// How often bytes were read from here.
  std::uint64_t reads() const { return reads_; }
  bool has(SliceId slice) const;

 private:
  friend class FakeSlice;
  std::atomic<std::uint64_t> reads_{0};
  mutable Mutex mutex_;
  std::function<void()> before_next_read_ GUARDED_BY(mutex_);
  std::map<SliceId, std::string> stored_ GUARDED_BY(mutex_);
  bool held_ GUARDED_BY(mutex_) = false;
  std::optional<Code> failure_ GUARDED_BY(mutex_);
  std::uint64_t buffered_ GUARDED_BY(mutex_) = 0;
  std::uint64_t buffered_max_ GUARDED_BY(mutex_) = ~0ull;
  std::unique_ptr<Event> changed_;
};

}  // namespace headrace::vfs::testing
