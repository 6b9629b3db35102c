// SPDX-License-Identifier: Apache-2.0
// Going on where another server died: the index says what the kernel holds, the metadata say the rest
// (docs/design/0003).
#include <unistd.h>

#include <cerrno>

#include "vfs/file_system_impl.h"

namespace headrace::vfs {
namespace {

/// A backing of an earlier server. Nothing is looked up in it, since no checksum of it is known any more: it is only
/// written along, so that those who still read it see what is written.
class AdoptedCopy final : public block::NodeFile {
 public:
  AdoptedCopy(UniqueFd file, std::uint64_t length) : file_(std::move(file)), key_{"adopted", length} {}
  const block::CopyKey& key() const override { return key_; }
  bool is_complete() const override { return true; }
  int descriptor() const override { return file_.get(); }
  bool has(std::uint64_t, std::uint64_t) const override { return false; }
  Result<void> read(std::uint64_t, MutableByteSpan) const override { return Code::kNotFound; }
  Result<void> fill(std::uint64_t, ByteSpan) override { return {}; }
  Result<void> write_through(std::uint64_t offset, ByteSpan bytes) override {
    return pwrite_all(file_.get(), bytes, offset);
  }
  Result<void> truncate_through(std::uint64_t length) override {
    if (ftruncate(file_.get(), static_cast<off_t>(length)) != 0) return errno_error(errno, "size a backing");
    return {};
  }

 private:
  const UniqueFd file_;
  const block::CopyKey key_;
};

}  // namespace

Result<void> FileSystem::adopt(const Scope& scope, std::map<std::int32_t, UniqueFd> backings) {
  TakeoverIndex& index = *impl_->options.index;
  Result<void> worst;
  std::size_t handles = 0;
  index.handles.for_each([&](KeptHandle& kept) {
    const Result<void> adopted = impl_->adopt_handle(scope, kept);
    ++handles;
    if (adopted) return;
    // The file is gone for good, or the metadata do not answer: only the latter is worth another try of the whole.
    if (adopted.code() != Code::kNotFound && worst) worst = adopted;
    impl_->log.error("a handle could not be taken over",
                     {{"ino", std::to_string(ino_of(kept.node).value())}, {"err", adopted.error().text()}});
  });
  TRY_OK(worst);
  index.backings.for_each([&](KeptBacking& kept) { impl_->adopt_backing(kept, backings); });
  impl_->adopt_locks();
  TRY_OK(impl_->adopt_losses(scope));
  TRY_OK(impl_->adopt_requests(scope));
  // Backings that no number stands on: the server died while it opened a file.
  for (const auto& [id, file] : backings) {
    impl_->options.keeper->backing_gone(id);
    impl_->kernel.load()->release_backing(id);
  }
  impl_->log.info("took over from a server that died", {{"handles", std::to_string(handles)}});
  return {};
}

Result<void> FileSystem::Impl::adopt_handle(const Scope& scope, KeptHandle& kept) {
  auto handle = std::make_shared<Handle>();
  const NodeId node = kept.node;
  handle->ino = ino_of(node);
  handle->node = node;
  handle->kept = &kept;
  const std::uint64_t number = kept.key.load();
  if ((kept.flags & KeptHandle::kDirectory) != 0) {
    handle->directory = new_directory(handle->ino);
    handle->directory->resume(kept.listing_start.load());
    handles.put(number, std::move(handle));
    return {};
  }
  handle->reads = (kept.flags & KeptHandle::kReads) != 0;
  handle->writes = (kept.flags & KeptHandle::kWrites) != 0;
  handle->appends = (kept.flags & KeptHandle::kAppends) != 0;
  handle->owes_sync = handle->writes;
  const Commits::Mark asked = commits.mark();
  const Result<Attr> attr = context.volume.hold(scope, handle->ino);
  if (!attr) {
    if (attr.code() == Code::kNotFound) context.options.index->handles.give_back(&kept);
    return attr.error();
  }
  TRY(Acquired acquired, files.acquire(scope, handle->ino, {*attr, asked}));
  handle->file = std::move(acquired.file);
  handle->file->adopt_handle(node, static_cast<NodeMode>(kept.mode), handle->writes);
  nodes.adopt(node);
  handles.put(number, std::move(handle));
  return {};
}

void FileSystem::Impl::adopt_backing(KeptBacking& kept, std::map<std::int32_t, UniqueFd>& descriptors) {
  const Ino ino = ino_of(kept.node);
  const Commits::Mark asked = commits.mark();
  const Result<Attr> attr = context.volume.getattr(closing_scope(), ino);
  auto descriptor = descriptors.extract(static_cast<std::int32_t>(kept.key.load()));
  if (!attr) {
    // Nobody can open it any more; a mapping may still show it, until the kernel lets go of the number.
    return;
  }
  const Result<Acquired> acquired = files.acquire(closing_scope(), ino, {*attr, asked});
  if (!acquired) return;
  std::shared_ptr<block::NodeFile> copy;
  if (!descriptor.empty()) copy = std::make_shared<AdoptedCopy>(std::move(descriptor.mapped()), attr->length);
  acquired->file->adopt_backing(kept.node, kept, std::move(copy), true);
  nodes.adopt(kept.node);
}

void FileSystem::Impl::adopt_locks() {
  for (const meta::HeldLock& lock : context.volume.take_adopted_locks()) locks.adopt(lock);
  context.options.index->locks.for_each([this](KeptLock& kept) {
    const std::shared_ptr<Handle> handle = handles.find(kept.key.load());
    if (handle == nullptr) {
      context.options.index->locks.give_back(&kept);
      return;
    }
    MutexLock lock(handle->mutex);
    handle->lock_owners.insert(LockOwner{kept.owner});
    handle->kept_locks.push_back(&kept);
  });
}

Result<void> FileSystem::Impl::adopt_losses(const Scope& scope) {
  TakeoverIndex& index = *context.options.index;
  std::set<Ino> lost;
  index.dirty.for_each([&](KeptDirty& kept) { lost.insert(Ino{kept.key.load()}); });
  // Each handle keeps it until it was told, should this server die as well.
  index.handles.for_each([&](KeptHandle& kept) {
    if ((kept.flags & KeptHandle::kDirectory) != 0) return;
    if (lost.contains(ino_of(kept.node))) kept.flags |= KeptHandle::kLost;
  });
  for (const Ino ino : lost) TRY_OK(show_committed(scope, ino));
  index.dirty.for_each([&](KeptDirty& kept) { index.dirty.give_back(&kept); });
  index.handles.for_each([&](KeptHandle& kept) {
    const std::shared_ptr<Handle> handle = handles.find(kept.key.load());
    if (handle == nullptr || handle->file == nullptr) return;
    const bool is_told = (kept.flags & KeptHandle::kLost) != 0;
    if (is_told && handle->file->bytes().error_count() == 0) handle->file->bytes().note_lost();
    handle->may_have_lost = is_told;
  });
  // Who has nothing to be told has seen all there is.
  index.handles.for_each([&](KeptHandle& kept) {
    const std::shared_ptr<Handle> handle = handles.find(kept.key.load());
    if (handle == nullptr || handle->file == nullptr || (kept.flags & KeptHandle::kLost) != 0) return;
    MutexLock lock(handle->mutex);
    handle->errors_seen = handle->file->bytes().error_count();
  });
  return {};
}

/// Bytes of this file were lost: a backing of it may show what is no more.
Result<void> FileSystem::Impl::show_committed(const Scope& scope, Ino ino) {
  const std::shared_ptr<OpenFile> file = files.find(ino);
  const HandleCounts counts = file == nullptr ? HandleCounts{} : file->counts();
  log.error("bytes that were written and not yet stored are lost: the server died",
            {{"ino", std::to_string(ino.value())}, {"handles", std::to_string(counts.handles)}});
  if (file == nullptr) return {};
  const std::uint64_t length = file->bytes().length();
  OpenFile::Mirror mirror(*file, 0, nullptr);
  TRY_OK(mirror.resized({length, length}));
  if (length != 0) TRY_OK(mirror.replaced(scope, 0, length));
  return {};
}

/// What a handle was not told yet of lost bytes: now, and never again.
Result<void> FileSystem::Impl::tell_lost(Handle& handle) {
  MutexLock lock(handle.mutex);
  Result<void> lost = handle.file->bytes().take_error(handle.errors_seen);
  if (!lost && handle.kept != nullptr) handle.kept->flags &= ~KeptHandle::kLost;
  return lost;
}

/// An append that was committed before the server died must not be made again: whether it was, the length says, because
/// a file's slices are committed in their order.
Result<void> FileSystem::Impl::adopt_requests(const Scope& scope) {
  std::vector<KeptRequest*> appends;
  context.options.index->requests.for_each([&](KeptRequest& kept) {
    if (kept.kind.load() == KeptRequest::Detail::kAppend && kept.state.load() == KeptRequest::State::kBegun)
      appends.push_back(&kept);
  });
  for (KeptRequest* const kept : appends) {
    const Result<Attr> attr = context.volume.getattr(scope, ino_of(kept->node));
    if (!attr && attr.code() != Code::kNotFound) return attr.error();
    if (attr && attr->length >= kept->detail + kept->length) kept->state.store(KeptRequest::State::kDone);
  }
  return {};
}

}  // namespace headrace::vfs
