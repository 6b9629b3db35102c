// SPDX-License-Identifier: Apache-2.0
// What changes a file's bytes other than by writing them: lengths, holes, copies inside the store. Each waits for its
// turn, has what was written before committed, and then is one metadata operation.
#include <algorithm>

#include "vfs/file_bytes.h"

namespace headrace::vfs {
namespace {

/// More extents than this are not looked through for holes: the file then counts as data.
constexpr std::size_t kSeekExtentsMax = 200'000;

}  // namespace

void FileBytes::apply(const Attr& attr, ChunkIndex first, ChunkIndex last) {
  MutexLock lock(mutex_);
  views_.erase(views_.lower_bound(first), views_.upper_bound(last));
  ++views_epoch_;
  set_committed(attr);
  note_change();
}

Result<Attr> FileBytes::truncate(const Scope& scope, const Caller& caller, std::uint64_t length, ByteWatcher* watcher) {
  if (length > kFileBytesMax) return Code::kFileTooBig;
  {
    TRY(const Turn::Held held, change_turn_.take(scope));
    TRY_OK(flush(scope));
    const std::uint64_t before = this->length();
    const ChunkIndex ends[] = {chunk_of(std::min(before, length)), chunk_of(std::max(before, length))};
    TRY(const Attr attr,
        when_there_is_room(scope, ends, [&] { return context_.volume.truncate(scope, caller, ino_, length); }));
    apply(attr, ChunkIndex{0}, ChunkIndex{0xFFFFFFFF});
    if (watcher != nullptr) TRY_OK(watcher->resized({before, length}));
  }
  if (watcher != nullptr) TRY_OK(watcher->settle(scope));
  return attr();
}

Result<Attr> FileBytes::fallocate(const Scope& scope, const Caller& caller, int mode, std::uint64_t offset,
                                  std::uint64_t length, ByteWatcher* watcher) {
  if (length == 0) return Code::kInvalid;
  if (offset > kFileBytesMax || length > kFileBytesMax - offset) return Code::kFileTooBig;
  const bool takes_bytes = (mode & (meta::kFallocatePunchHole | meta::kFallocateZeroRange)) != 0;
  if (watcher != nullptr && takes_bytes) TRY_OK(watcher->before_change(scope, offset, length));
  {
    TRY(const Turn::Held held, change_turn_.take(scope));
    TRY_OK(flush(scope));
    const std::uint64_t before = this->length();
    const ChunkIndex ends[] = {chunk_of(offset), chunk_of(offset + length - 1)};
    TRY(const Attr attr, when_there_is_room(scope, ends, [&] {
          return context_.volume.fallocate(scope, caller, ino_, mode, offset, length);
        }));
    apply(attr, chunk_of(offset), chunk_of(offset + length - 1));
    if (watcher != nullptr) TRY_OK(watcher->resized({before, attr.length}));
    if (watcher != nullptr && takes_bytes) TRY_OK(watcher->replaced(scope, offset, length));
  }
  if (watcher != nullptr) TRY_OK(watcher->settle(scope));
  return attr();
}

Result<std::uint64_t> FileBytes::copy_from(const Scope& scope, FileBytes& source, std::uint64_t source_offset,
                                           std::uint64_t offset, std::uint64_t length, ByteWatcher* watcher) {
  if (watcher != nullptr) TRY_OK(watcher->before_change(scope, offset, length));
  TRY(const std::uint64_t copied_bytes, copy_in_turns(scope, source, source_offset, offset, length, watcher));
  if (watcher != nullptr) TRY_OK(watcher->settle(scope));
  return copied_bytes;
}

Result<std::uint64_t> FileBytes::copy_in_turns(const Scope& scope, FileBytes& source, std::uint64_t source_offset,
                                               std::uint64_t offset, std::uint64_t length, ByteWatcher* watcher) {
  // Two turns are always taken in the order of the inodes, so that two copies in opposite directions cannot wait for
  // each other.
  Turn::Held first, second;
  if (&source == this) {
    TRY(first, change_turn_.take(scope));
  } else if (source.ino_ < ino_) {
    TRY(first, source.change_turn_.take(scope));
    TRY(second, change_turn_.take(scope));
  } else {
    TRY(first, change_turn_.take(scope));
    TRY(second, source.change_turn_.take(scope));
  }
  TRY_OK(source.flush(scope));
  TRY_OK(flush(scope));
  const std::uint64_t before = this->length();
  TRY(const meta::CopyResult copied,
      context_.volume.copy_range(scope, source.ino_, source_offset, ino_, offset, length));
  if (copied.copied_bytes == 0) return 0;
  apply(copied.attr, chunk_of(offset), chunk_of(offset + copied.copied_bytes - 1));
  if (watcher != nullptr) {
    TRY_OK(watcher->resized({before, copied.attr.length}));
    TRY_OK(watcher->replaced(scope, offset, copied.copied_bytes));
  }
  return copied.copied_bytes;
}

Result<std::uint64_t> FileBytes::seek(const Scope& scope, std::uint64_t offset, bool for_data) {
  TRY_OK(flush(scope));
  Result<meta::ChunkView> whole = context_.volume.whole_file(scope, ino_, kSeekExtentsMax);
  if (!whole && whole.code() == Code::kTooBig) {
    const std::uint64_t end = length();
    if (offset >= end) return Code::kNoDevice;
    return for_data ? offset : end;
  }
  if (!whole) return whole.error();
  if (offset >= whole->attr.length) return Code::kNoDevice;
  for (const Extent& extent : whole->extents) {
    if (extent.end() <= offset || extent.is_hole() == for_data) continue;
    return std::max(extent.offset, offset);
  }
  if (for_data) return Code::kNoDevice;  // nothing but a hole up to the end
  return whole->attr.length;
}

}  // namespace headrace::vfs
