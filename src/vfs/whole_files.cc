// SPDX-License-Identifier: Apache-2.0
// Names of copies.
#include "vfs/whole_files.h"

#include <utility>

#include "base/checksum.h"

namespace headrace::vfs {
namespace {

/// A file in more pieces than this waits for its compaction.
constexpr std::size_t kExtentsMax = 20'000;

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

std::shared_ptr<block::NodeFile> WholeFiles::complete_copy(const Scope& scope, Ino ino) {
  const Result<meta::ChunkView> view = context_.volume.whole_file(scope, ino, kExtentsMax);
  if (!view) return nullptr;
  std::shared_ptr<block::NodeFile> copy = context_.tier.find(key_of(ino, *view));
  return copy != nullptr && copy->is_complete() ? copy : nullptr;
}

Result<std::shared_ptr<block::FileFill>> WholeFiles::fill(const Scope& scope, const block::CopyKey& key,
                                                          ExtentList extents) {
  std::shared_ptr<block::FileFiller> filler;
  {
    MutexLock lock(mutex_);
    if (is_closed_) return Code::kInterrupted;
    if (filler_ == nullptr) {
      const block::FillerOptions options{.threads = context_.options.fill_threads,
                                         .threads_per_file = context_.options.fill_threads};
      filler_ = std::make_shared<block::FileFiller>(context_.blocks, context_.tier, context_.budget, context_.scheduler,
                                                    options);
    }
    filler = filler_;
  }
  return filler->fill(scope, key, std::make_shared<const ExtentList>(std::move(extents)));
}

Result<WholeFiles::Begun> WholeFiles::begin(const Scope& scope, Ino ino) {
  TRY(meta::ChunkView view, context_.volume.whole_file(scope, ino, kExtentsMax));
  const block::CopyKey key = key_of(ino, view);
  return begin_version(scope, key, std::move(view));
}

Result<WholeFiles::Begun> WholeFiles::join_complete(const Scope& scope, Ino ino) {
  TRY(meta::ChunkView view, context_.volume.whole_file(scope, ino, kExtentsMax));
  const block::CopyKey key = key_of(ino, view);
  const std::shared_ptr<block::NodeFile> copy = context_.tier.find(key);
  if (copy == nullptr || !copy->is_complete()) return Code::kNotFound;
  // Nothing is fetched, unless the copy leaves the tier in this moment.
  return begin_version(scope, key, std::move(view));
}

Result<WholeFiles::Begun> WholeFiles::begin_version(const Scope& scope, const block::CopyKey& key,
                                                    meta::ChunkView view) {
  // A full queue means that enough is on its way: the caller does not wait for a place.
  const Scope now = scope.until(context_.scheduler.clock().now());
  TRY(std::shared_ptr<block::FileFill> begun, fill(now, key, std::move(view.extents)));
  return Begun{std::move(begun), std::move(view.attr)};
}

Result<void> WholeFiles::bring(const Scope& scope, Ino ino, const meta::ChunkView& view) {
  TRY(const std::shared_ptr<block::FileFill> begun, fill(scope, key_of(ino, view), view.extents));
  return begun->wait(scope);
}

void WholeFiles::close() {
  std::shared_ptr<block::FileFiller> filler;
  {
    MutexLock lock(mutex_);
    is_closed_ = true;
    filler = std::move(filler_);
  }
  filler.reset();  // cancels what runs, and waits for it
}

}  // namespace headrace::vfs
