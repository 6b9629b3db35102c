// SPDX-License-Identifier: Apache-2.0
// Directories, locks, and where a file is.
#include "vfs/file_system_impl.h"

namespace headrace::vfs {

std::unique_ptr<Directory> FileSystem::Impl::new_directory(Ino ino) {
  std::vector<ExtraEntry> extra;
  if (ino == kRootIno) {
    extra = virtual_files.listed();
    if (context.volume.format().trash_days > 0 && !options.hide_internal)
      extra.push_back({".trash", kTrashRoot, FileType::kDirectory});
  }
  return std::make_unique<Directory>(context, ino, std::move(extra));
}

Result<std::uint64_t> FileSystem::opendir(const Scope&, const Caller&, NodeId node) {
  const Ino ino = ino_of(node);
  auto handle = std::make_shared<Handle>();
  handle->ino = ino;
  handle->node = node;
  handle->directory = impl_->new_directory(ino);
  return impl_->handles.add(std::move(handle));
}

Result<void> FileSystem::readdir(const Scope& scope, const Caller&, std::uint64_t number, NodeId node,
                                 std::uint64_t cookie, bool plus, ListSink sink) {
  TRY(const std::shared_ptr<Handle> handle, impl_->handle_of(number, node));
  if (handle->directory == nullptr) return Code::kNotDirectory;
  // A successor that knows no names counts from here.
  if (cookie == 0 && handle->kept != nullptr) handle->kept->listing_start = handle->directory->next_cookie();
  const Commits::Mark asked = impl_->commits.mark();
  return handle->directory->list(scope, cookie, plus, [&](const meta::DirEntry& entry, std::uint64_t next_cookie) {
    Listed listed{.name = entry.name,
                  .ino = entry.ino,
                  .type = entry.type,
                  .next_cookie = next_cookie,
                  .entry = {},
                  .has_entry = false};
    if (plus && entry.attr) {
      if (const Result<NodeEntry> shown = impl_->entry_of(scope, {entry.ino, *entry.attr}, asked)) {
        listed.entry = *shown;
        listed.has_entry = true;
      }
    }
    const bool fits = sink(listed);
    if (!fits && listed.has_entry) impl_->nodes.take_back(listed.entry.node);
    return fits;
  });
}

Result<void> FileSystem::fsyncdir(const Scope& scope, NodeId) { return impl_->context.volume.sync(scope); }

void FileSystem::releasedir(std::uint64_t number) { impl_->handles.remove(number); }

void FileSystem::lock(const Scope& scope, const LockAsk& ask, std::function<void(Result<void>)> done) {
  const Ino ino = ino_of(ask.node);
  if (is_virtual(ino)) {
    done(Code::kNotSupported);
    return;
  }
  if (!ask.is_flock) {
    if (const std::shared_ptr<Handle> handle = impl_->handles.find(ask.handle)) {
      MutexLock lock(handle->mutex);
      impl_->handles.keep_lock(*handle, ask.handle, ask.owner);
    }
  }
  impl_->locks.lock(scope, {ino, ask.owner, ask.request, ask.is_flock, ask.wait, ask.token}, std::move(done));
}

Result<meta::LockRequest> FileSystem::getlk(const Scope& scope, const LockAsk& ask) {
  if (is_virtual(ino_of(ask.node))) return Code::kNotSupported;
  return impl_->locks.get(scope, {ino_of(ask.node), ask.owner, ask.request, false, false, ask.token});
}

void FileSystem::cancel(std::uint64_t token) { impl_->locks.cancel(token); }

Result<FilePlace> FileSystem::place_of(const Scope& scope, Ino ino) { return impl_->control.place_of(scope, ino); }

}  // namespace headrace::vfs
