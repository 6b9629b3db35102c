// SPDX-License-Identifier: Apache-2.0
// Reading, writing, and making it durable.
#include <unistd.h>

#include <algorithm>

#include "vfs/file_system_impl.h"

namespace headrace::vfs {
namespace {

/// Who has read this much of a file, or all of a shorter one, will want the rest, now or the next time: it is brought
/// in whole.
constexpr std::uint64_t kWorthWholeBytes = 4u << 20;
/// So will who begins at the start with a read as long as a request can be. Waiting for more would leave a distant
/// store's other connections idle for as long as the first block takes.
constexpr std::uint64_t kBulkReadBytes = 1u << 20;

}  // namespace

void FileSystem::Impl::read_ahead(const Scope& scope, Handle& handle, std::uint64_t offset, std::uint64_t length) {
  FileBytes& bytes = handle.file->bytes();
  if (length == 0 || bytes.follows_fill()) return;
  const Attr attr = bytes.attr();
  block::ByteRanges ranges;
  bool is_first = false, is_worth_whole = false;
  {
    MutexLock lock(handle.mutex);
    ranges = handle.readahead.on_read(offset, length, attr.length);
    is_first = handle.read_bytes == 0;
    handle.read_bytes += length;
    const bool reads_in_bulk =
        (offset == 0 && length >= kBulkReadBytes) || handle.read_bytes >= std::min(kWorthWholeBytes, attr.length);
    is_worth_whole = reads_in_bulk && !handle.asked_for_whole && handle.file->wants_copy(handle.node, attr);
    handle.asked_for_whole = handle.asked_for_whole || is_worth_whole;
  }
  // Who writes too, or comes right after a writer, is not on a backing; the copy that is there serves him all the same.
  if (is_first && !is_worth_whole && context.options.passthrough && attr.length >= context.options.small_file_bytes) {
    if (Result<WholeFiles::Begun> there = whole_files.join_complete(scope, handle.ino))
      return bytes.follow(std::move(there->fill), there->attr);
  }
  if (is_worth_whole) {
    // No room for it, too many on their way: then the windows below must do.
    if (Result<WholeFiles::Begun> begun = whole_files.begin(scope, handle.ino))
      return bytes.follow(std::move(begun->fill), begun->attr);
  }
  for (const block::ByteRange& range : ranges) {
    if (const Result<ExtentList> extents = bytes.extents(scope, range.begin, range.size()))
      context.blocks.prefetch(*extents);
  }
}

Result<std::size_t> FileSystem::read(const Scope& scope, std::uint64_t number, NodeId node, std::uint64_t offset,
                                     MutableByteSpan into) {
  TRY(const std::shared_ptr<Handle> handle, impl_->handle_of(number, node));
  if (handle->virtual_file != nullptr) return impl_->virtual_files.read(scope, *handle->virtual_file, offset, into);
  impl_->read_ahead(scope, *handle, offset, into.size());
  return handle->file->bytes().read(scope, offset, into);
}

Result<std::size_t> FileSystem::write(const Scope& scope, std::uint64_t number, NodeId node, std::uint64_t offset,
                                      ByteSpan bytes, WriteFlags flags) {
  TRY(const std::shared_ptr<Handle> handle, impl_->handle_of(number, node));
  if (handle->virtual_file != nullptr) return impl_->virtual_files.write(scope, *handle->virtual_file, offset, bytes);
  if (flags.kills_privileges) TRY_OK(impl_->drop_privileges(scope, handle->ino));
  OpenFile::Mirror mirror(*handle->file, node, impl_->kernel, flags.from_page_cache);
  handle->owes_sync = true;
  FileBytes& file = handle->file->bytes();
  if (flags.from_page_cache) {
    TRY_OK(file.write_back(scope, offset, bytes, &mirror));
  } else {
    if (handle->may_have_lost.exchange(false)) TRY_OK(impl_->tell_lost(*handle));
    TRY_OK(file.write(scope, offset, handle->appends, bytes, &mirror, handle->appends ? flags.request : nullptr));
  }
  impl_->flusher.touched();
  return bytes.size();
}

Result<void> FileSystem::flush(const Scope& scope, std::uint64_t number, NodeId node, LockOwner owner) {
  TRY(const std::shared_ptr<Handle> handle, impl_->handle_of(number, node));
  if (handle->file == nullptr) return {};
  impl_->locks.drop_posix(scope.without_stop(), handle->ino, owner);
  if (!handle->owes_sync) return {};
  return fsync(scope.without_stop(), number, node, false);  // a signal must not leave close(2) half done
}

Result<void> FileSystem::fsync(const Scope& scope, std::uint64_t number, NodeId node, bool) {
  TRY(const std::shared_ptr<Handle> handle, impl_->handle_of(number, node));
  if (handle->file == nullptr) return {};
  const Result<void> flushed = handle->file->bytes().flush(scope);
  // An error that this flush met is among those counted: told once, now.
  const Result<void> lost = impl_->tell_lost(*handle);
  if (!flushed) return flushed;
  if (!lost) return lost;
  const bool owed = handle->owes_sync.exchange(false);
  const Result<void> synced = impl_->context.volume.sync(scope);
  if (!synced && owed) handle->owes_sync = true;
  return synced;
}

Result<void> FileSystem::fallocate(const Scope& scope, const Caller& caller, std::uint64_t number, NodeId node,
                                   int mode, std::uint64_t offset, std::uint64_t length) {
  TRY(const std::shared_ptr<Handle> handle, impl_->handle_of(number, node));
  if (handle->file == nullptr) return Code::kNotSupported;
  if (!handle->writes) return Code::kBadHandle;
  OpenFile::Mirror mirror(*handle->file, node, impl_->kernel);
  handle->owes_sync = true;
  TRY_OK(handle->file->bytes().fallocate(scope, caller, mode, offset, length, &mirror));
  return {};
}

Result<std::uint64_t> FileSystem::seek(const Scope& scope, std::uint64_t number, NodeId node, std::uint64_t offset,
                                       int whence) {
  TRY(const std::shared_ptr<Handle> handle, impl_->handle_of(number, node));
  if (handle->file == nullptr || (whence != SEEK_DATA && whence != SEEK_HOLE)) return Code::kInvalid;
  return handle->file->bytes().seek(scope, offset, whence == SEEK_DATA);
}

Result<std::uint64_t> FileSystem::copy_file_range(const Scope& scope, std::uint64_t in_number, NodeId in,
                                                  std::uint64_t in_offset, std::uint64_t out_number, NodeId out,
                                                  std::uint64_t out_offset, std::uint64_t length) {
  TRY(const std::shared_ptr<Handle> source, impl_->handle_of(in_number, in));
  TRY(const std::shared_ptr<Handle> target, impl_->handle_of(out_number, out));
  // The kernel copies by itself where we say that we cannot.
  if (source->file == nullptr || target->file == nullptr) return Code::kNotSupported;
  if (!target->writes) return Code::kBadHandle;
  OpenFile::Mirror mirror(*target->file, out, impl_->kernel);
  target->owes_sync = true;
  return target->file->bytes().copy_from(scope, source->file->bytes(), in_offset, out_offset, length, &mirror);
}

}  // namespace headrace::vfs
