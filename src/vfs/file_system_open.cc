// SPDX-License-Identifier: Apache-2.0
// Opening, creating, releasing.
#include <fcntl.h>

#include "base/check.h"
#include "vfs/file_system_impl.h"

namespace headrace::vfs {

Result<std::shared_ptr<Handle>> FileSystem::Impl::handle_of(std::uint64_t number, NodeId) const {
  std::shared_ptr<Handle> handle = handles.find(number);
  if (handle == nullptr) return Code::kBadHandle;
  return handle;
}

Result<std::shared_ptr<OpenFile>> FileSystem::Impl::borrow(const Scope& scope, NodeId node) {
  const Commits::Mark asked = commits.mark();
  TRY(const Attr attr, context.volume.getattr(scope, ino_of(node)));
  if (attr.type == FileType::kDirectory) return Code::kIsDirectory;
  if (attr.type != FileType::kRegular) return Code::kInvalid;
  TRY(Acquired acquired, files.acquire(scope, ino_of(node), {attr, asked}));
  return std::move(acquired.file);
}

void FileSystem::Impl::give_back(const Scope& scope, Ino ino) {
  bool was_unlinked;
  {
    MutexLock lock(mutex);
    was_unlinked = unlinked_open.erase(ino) != 0;
  }
  if (Result<void> released = context.volume.release(scope, ino); !released) {
    log.warn("a file could not be released", {{"ino", std::to_string(ino.value())}, {"err", released.error().text()}});
  }
  if (was_unlinked) maintenance.files_deleted();
}

Result<Opened> FileSystem::Impl::open_held(const Scope& scope, const Caller& caller, NodeId node, int flags,
                                           const ReadAttr& read, const OpenHints& hints) {
  const Ino ino = ino_of(node);
  const int access = flags & O_ACCMODE;
  const bool reads = access != O_WRONLY, writes = access != O_RDONLY;
  TRY(const Acquired acquired, files.acquire(scope, ino, read));
  const auto& [file, attr] = acquired;
  std::shared_ptr<block::NodeFile> copy;
  if (!writes && !hints.is_new && file->wants_copy(node, attr)) copy = whole_files.complete_copy(scope, ino);
  Result<OpenedMode> mode = file->open(node, reads, writes, attr, std::move(copy), kernel);
  if (!mode) {
    files.drop_if_idle(file);
    return mode.error();
  }
  // Whatever the access: the kernel has checked the right to write.
  if ((flags & O_TRUNC) != 0 && !hints.is_new) {
    OpenFile::Mirror mirror(*file, node, kernel);
    Result<void> emptied;
    if (hints.kills_privileges) emptied = drop_privileges(scope, ino);
    if (emptied) {
      if (Result<Attr> truncated = file->bytes().truncate(scope, caller, 0, &mirror); !truncated)
        emptied = truncated.error();
    }
    if (!emptied) {
      file->close(node, writes);
      files.drop_if_idle(file);
      return emptied.error();
    }
  }
  auto handle = std::make_shared<Handle>();
  handle->ino = ino;
  handle->node = node;
  handle->reads = reads;
  handle->writes = writes;
  handle->appends = (flags & O_APPEND) != 0;
  handle->owes_sync = hints.is_new || (flags & O_TRUNC) != 0;
  handle->file = file;
  {
    MutexLock lock(handle->mutex);
    handle->errors_seen = file->bytes().error_count();
  }
  const bool passes = mode->mode == OpenMode::kPass || mode->mode == OpenMode::kPassDirect;
  const NodeMode node_mode = passes                            ? NodeMode::kPass
                             : mode->mode == OpenMode::kCached ? NodeMode::kCached
                                                               : NodeMode::kDirect;
  return Opened{handles.add(std::move(handle), node_mode, mode->backing_id), mode->mode, mode->keep_cache,
                mode->backing_id};
}

Result<Opened> FileSystem::open(const Scope& scope, const Caller& caller, NodeId node, int flags,
                                bool kills_privileges) {
  const Ino ino = ino_of(node);
  if (is_virtual(ino)) {
    TRY(std::unique_ptr<VirtualHandle> virtual_file, impl_->virtual_files.open(ino, (flags & O_ACCMODE) != O_RDONLY));
    auto handle = std::make_shared<Handle>();
    handle->ino = ino;
    handle->node = node;
    handle->virtual_file = std::move(virtual_file);
    return Opened{impl_->handles.add(std::move(handle)), OpenMode::kDirect, false, 0};
  }
  if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0) TRY_OK(impl_->check_changeable(ino));
  const Commits::Mark asked = impl_->commits.mark();
  Result<Attr> attr = impl_->context.volume.hold(scope, ino);
  // The kernel asks for the name once more and tells the user ENOENT itself.
  if (!attr) return attr.code() == Code::kNotFound ? Error(Code::kStale) : attr.error();
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
  if (writes && attr->parent > kTrashRoot) {
    impl_->give_back(impl_->closing_scope(), ino);
    return Code::kNotPermitted;  // what lies in the trash is as it was deleted, for root too
  }
  Result<Opened> opened = attr->type == FileType::kRegular
                              ? impl_->open_held(scope, caller, node, flags, {*attr, asked}, {false, kills_privileges})
                              : Result<Opened>(Code::kNoDevice);
  if (!opened) impl_->give_back(impl_->closing_scope(), ino);
  return opened;
}

Result<FileSystem::Created> FileSystem::create(const Scope& scope, const Caller& caller, NodeId parent,
                                               std::string_view name, std::uint16_t mode, int flags,
                                               bool kills_privileges) {
  TRY_OK(impl_->check_changeable(ino_of(parent)));
  if (VirtualFiles::lookup(ino_of(parent), name)) return Code::kExists;
  meta::NewNode node;
  node.mode = mode;
  const Commits::Mark asked = impl_->commits.mark();
  Result<meta::Entry> made = impl_->context.volume.create(scope, caller, ino_of(parent), name, node);
  const bool is_new = made.has_value();
  if (!is_new) {
    if (made.code() != Code::kExists || (flags & O_EXCL) != 0) return made.error();
    TRY(made, impl_->context.volume.lookup(scope, ino_of(parent), name));
    if (made->attr.type == FileType::kDirectory) return Code::kIsDirectory;
    if (made->attr.type == FileType::kSymlink) return Code::kStale;  // it came between the kernel's lookup and us
    TRY(made->attr, impl_->context.volume.hold(scope, made->ino));
  }
  const Attr& attr = made->attr;
  Created created;
  created.entry = impl_->new_entry(made->ino, attr);
  Result<Opened> opened =
      impl_->open_held(scope, caller, created.entry.node, flags, {attr, asked}, {is_new, kills_privileges});
  if (!opened && opened.code() == Code::kStale) {
    // The number was retired just now; this reply names the file anyway, so it may name the fresh number.
    impl_->nodes.take_back(created.entry.node);
    created.entry = impl_->new_entry(made->ino, attr);
    opened = impl_->open_held(scope, caller, created.entry.node, flags, {attr, asked}, {is_new, kills_privileges});
  }
  if (!opened) {
    impl_->nodes.take_back(created.entry.node);
    impl_->give_back(impl_->closing_scope(), made->ino);
    return opened.error();
  }
  created.opened = *opened;
  created.entry.attr = impl_->files.find(made->ino)->bytes().attr();
  return created;
}

Result<FileSystem::Created> FileSystem::create_unnamed(const Scope& scope, const Caller& caller, NodeId parent,
                                                       std::uint16_t mode, int flags) {
  TRY_OK(impl_->check_changeable(ino_of(parent)));
  meta::NewNode node;
  node.mode = mode;
  const Commits::Mark asked = impl_->commits.mark();
  TRY(const meta::Entry made, impl_->context.volume.create_unnamed(scope, caller, ino_of(parent), node));
  Created created;
  created.entry = impl_->new_entry(made.ino, made.attr);
  Result<Opened> opened = impl_->open_held(scope, caller, created.entry.node, flags, {made.attr, asked}, {true, false});
  if (!opened) {
    impl_->nodes.take_back(created.entry.node);
    impl_->give_back(impl_->closing_scope(), made.ino);
    return opened.error();
  }
  created.opened = *opened;
  return created;
}

void FileSystem::release(const Scope& scope, std::uint64_t number, NodeId, std::optional<LockOwner> flock_owner) {
  std::shared_ptr<Handle> handle = impl_->handles.remove(number);
  if (handle == nullptr || handle->virtual_file != nullptr) return;
  if (flock_owner) impl_->locks.drop_flock(scope, handle->ino, *flock_owner);
  std::set<LockOwner> owners;
  {
    MutexLock lock(handle->mutex);
    owners.swap(handle->lock_owners);
  }
  // Locks that belong to the open file, not to a process, are not given back by any flush.
  for (const LockOwner owner : owners) impl_->locks.drop_posix(scope, handle->ino, owner);
  const std::shared_ptr<OpenFile> file = handle->file;
  CHECK(file != nullptr);
  file->close(handle->node, handle->writes);
  const Ino ino = handle->ino;
  handle.reset();  // with its reference to the file, which then may be idle
  if (file->bytes().is_dirty()) {
    // Stores through a mapping may come after the last flush: the hold goes when they are in the store.
    impl_->flusher.flush_soon(file, [this, ino] { impl_->give_back(impl_->closing_scope(), ino); });
    return;
  }
  impl_->give_back(impl_->closing_scope(), ino);
  impl_->files.drop_if_idle(file);
}

}  // namespace headrace::vfs
