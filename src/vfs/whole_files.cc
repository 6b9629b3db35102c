// SPDX-License-Identifier: Apache-2.0
// Names of copies.
#include "vfs/whole_files.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <vector>

#include "base/checksum.h"
#include "meta/overlay.h"

namespace headrace::vfs {
namespace {

/// A file in more pieces than this waits for its compaction.
constexpr std::size_t kExtentsMax = 20'000;
/// Threads that fill one file: fetches from a store overlap, and two of them keep a machine's memory busy.
constexpr std::size_t kFillThreads = 8;
constexpr Duration kFillMax = std::chrono::minutes(30);

}  // namespace

block::CopyKey WholeFiles::key_of(Ino ino, const meta::ChunkView& view) const {
  std::string extents;
  extents.reserve(view.extents.size() * 32);
  for (const Extent& extent : view.extents) {
    append_big_endian(extents, extent.offset);
    append_big_endian(extents, extent.length);
    append_big_endian(extents, extent.slice.value());
    append_big_endian(extents, extent.slice_size);
    append_big_endian(extents, extent.slice_offset);
  }
  const std::uint64_t digest = xxh3(bytes_of(extents));
  const std::uint32_t second = crc32c(bytes_of(extents));
  return {context_.volume.format().uuid + "/" + std::to_string(ino.value()) + "/" + std::to_string(digest) + "-" +
              std::to_string(second),
          view.attr.length};
}

std::shared_ptr<block::NodeFile> WholeFiles::complete_copy(const Scope& scope, OpenFile& file) {
  Result<meta::ChunkView> view = context_.volume.whole_file(scope, file.ino(), kExtentsMax);
  if (!view) return nullptr;
  std::shared_ptr<block::NodeFile> copy = context_.tier.find(key_of(file.ino(), *view));
  if (copy != nullptr && copy->is_complete()) return copy;
  if (ThreadPool* const background = pool(); background != nullptr) {
    // A full queue means that enough is on its way: the next open asks again.
    (void)background->try_submit([this, ino = file.ino(), wanted = *std::move(view)] {
      const Scope until_closed{context_.scheduler.clock().now() + kFillMax, stop_.get_token()};
      if (const Result<void> brought = bring(until_closed, ino, wanted);
          !brought && brought.code() != Code::kNoSpace && brought.code() != Code::kInterrupted) {
        context_.log.warn("a file could not be brought to this node",
                          {{"ino", std::to_string(ino.value())}, {"err", brought.error().text()}});
      }
    });
  }
  return nullptr;
}

ThreadPool* WholeFiles::pool() {
  MutexLock lock(mutex_);
  if (stop_.stop_requested()) return nullptr;
  if (background_ == nullptr) background_ = std::make_unique<ThreadPool>(context_.scheduler, "whole-file", 2, 64);
  return background_.get();
}

Result<void> WholeFiles::bring(const Scope& scope, Ino ino, const meta::ChunkView& view) {
  const block::CopyKey key = key_of(ino, view);
  for (;;) {
    TRY(const std::shared_ptr<block::NodeFile> copy, context_.tier.find_or_create(key));
    if (copy->is_complete()) return {};
    {
      MutexLock lock(mutex_);
      if (filling_.contains(key.identity)) {
        // Somebody fills it: its end is what we wait for, and if it failed one of those who waited goes on.
        TRY_OK(changed_->wait(scope, mutex_,
                              [&]() NO_THREAD_SAFETY_ANALYSIS { return !filling_.contains(key.identity); }));
        continue;
      }
      filling_.insert(key.identity);
    }
    const Result<void> filled = fill(scope, *copy, view);
    {
      MutexLock lock(mutex_);
      filling_.erase(key.identity);
    }
    changed_->notify_all();
    return filled;
  }
}

Result<void> WholeFiles::fill(const Scope& scope, block::NodeFile& copy, const meta::ChunkView& view) {
  // Several units at a time, each by a thread of its own, in the order of the file: a reader that follows finds them present.
  std::atomic<std::uint64_t> next = 0;
  Mutex mutex;
  std::optional<Error> error;
  const auto work = [&] {
    std::vector<std::byte> unit(block::kFillUnit);
    for (;;) {
      const std::uint64_t at = next.fetch_add(block::kFillUnit);
      if (at >= view.attr.length) return;
      const std::uint64_t end = std::min(at + block::kFillUnit, view.attr.length);
      const MutableByteSpan bytes = MutableByteSpan(unit).first(end - at);
      Result<void> done;
      if (!copy.has(at, end - at)) {
        done = context_.blocks.read_uncached(scope, meta::clip(view.extents, at, end), at, bytes);
        if (done) done = copy.fill(at, bytes);
      }
      if (scope.stop.stop_requested()) done = Code::kInterrupted;
      if (done) continue;
      MutexLock lock(mutex);
      if (!error) error = done.error();
      next = view.attr.length;  // the others stop at their next unit
      return;
    }
  };
  const std::uint64_t units = (view.attr.length + block::kFillUnit - 1) / block::kFillUnit;
  ThreadPool threads(context_.scheduler, "fill", static_cast<std::size_t>(std::min<std::uint64_t>(units, kFillThreads)),
                     kFillThreads);
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(units, kFillThreads); ++i) {
    if (Result<void> begun = threads.submit(scope, work); !begun) {
      next = view.attr.length;
      threads.close();
      return begun;
    }
  }
  threads.close();
  if (error) return *error;
  return {};
}

void WholeFiles::close() {
  stop_.request_stop();
  std::unique_ptr<ThreadPool> background;
  {
    MutexLock lock(mutex_);
    background = std::move(background_);
  }
  if (background != nullptr) background->close();
}

}  // namespace headrace::vfs
