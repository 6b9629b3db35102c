// SPDX-License-Identifier: Apache-2.0
// A mount: how its parts are wired, and names.
#include "vfs/file_system.h"

#include <algorithm>

#include "base/check.h"
#include "vfs/file_system_impl.h"

namespace headrace::vfs {

namespace {

/// How many incarnations of a file a server may use before it meets those of the next one.
constexpr std::uint32_t kIncarnationsOfServer = 32;

std::uint32_t first_incarnation(const FileSystemOptions& options) {
  return options.index == nullptr ? 0 : options.index->restarts() * kIncarnationsOfServer;
}

}  // namespace

FileSystem::Impl::Impl(meta::Volume& volume, block::BlockStore& blocks, block::NodeTier& tier, Budget& budget,
                       Scheduler& scheduler_, const Log& log_, metrics::Registry& registry,
                       FileSystemOptions file_system_options, Providers what_provides)
    : scheduler(scheduler_),
      log(log_),
      options(std::move(file_system_options)),
      providers(std::move(what_provides)),
      context{volume, blocks, tier, budget, scheduler_, log_, options, commits, {}},
      nodes(first_incarnation(options)),
      files(context, nodes),
      handles(options.index),
      locks(context),
      access_log(scheduler_),
      whole_files(context),
      flusher(context, files),
      control(context, files, whole_files),
      virtual_files(
          context, providers,
          [this](const Scope& scope, std::uint32_t command, std::string body,
                 std::shared_ptr<Conversation> conversation) {
            control.answer(scope, command, std::move(body), conversation);
          },
          access_log),
      maintenance(context, files, locks) {
  context.volume_lost = providers.volume_lost;
  context.list_is_long = [this](Ino ino, ChunkIndex chunk) { maintenance.suggest_compaction(ino, chunk); };
  context.has_compacted = [&sizes = registry.histogram("juicefs_compact_size_histogram_bytes")](std::uint64_t bytes) {
    sizes.observe(bytes);
  };
  readings.push_back(
      registry.gauge_from("juicefs_fuse_open_handlers", [this] { return static_cast<double>(handles.count()); }));
}

Result<NodeEntry> FileSystem::Impl::entry_of(const Scope& scope, const meta::Entry& entry, Commits::Mark asked) {
  TRY(const Attr attr, shown(scope, entry.ino, entry.attr, asked));
  return new_entry(entry.ino, attr);
}

NodeEntry FileSystem::Impl::new_entry(Ino ino, const Attr& attr) {
  const bool is_directory = attr.type == FileType::kDirectory;
  const bool is_regular = attr.type == FileType::kRegular && !is_virtual(ino);
  return {nodes.remember(ino, is_regular),
          is_regular ? generation : 1,
          ino,
          attr,
          is_directory ? options.dir_entry_ttl : options.entry_ttl,
          options.attr_ttl};
}

Result<Attr> FileSystem::Impl::shown(const Scope& scope, Ino ino, Attr attr, Commits::Mark asked) const {
  if (attr.type != FileType::kRegular) return attr;
  for (;;) {
    const std::shared_ptr<OpenFile> file = files.find(ino);
    const Attr shown = file == nullptr ? attr : file->bytes().overlaid(attr);
    if (!context.commits.since(asked, ino)) return shown;
    asked = context.commits.mark();
    Result<Attr> again = context.volume.getattr(scope, ino);
    if (!again) return again.code() == Code::kNotFound ? Result<Attr>(shown) : again;
    attr = *again;
  }
}

Result<NodeAttr> FileSystem::Impl::attr_of(const Scope& scope, Ino ino, const Attr& attr, Commits::Mark asked) {
  TRY(const Attr shown_attr, shown(scope, ino, attr, asked));
  return NodeAttr{ino, shown_attr, options.attr_ttl};
}

void FileSystem::Impl::attributes_changed(Ino ino, NodeId by) {
  KernelPort* port = kernel.load();
  if (port == nullptr) return;
  for (const NodeId node : nodes.held_of(ino, by)) port->invalidate_inode(node, {});
}

Result<void> FileSystem::Impl::check_changeable(Ino ino) const {
  if (is_virtual(ino)) return Code::kNotPermitted;
  if (options.is_read_only) return Code::kReadOnly;
  return {};
}

FileSystem::FileSystem(meta::Volume& volume, block::BlockStore& blocks, block::NodeTier& tier, Budget& budget,
                       Scheduler& scheduler, const Log& log, metrics::Registry& registry, FileSystemOptions options,
                       Providers providers)
    : impl_(std::make_unique<Impl>(volume, blocks, tier, budget, scheduler, log, registry, std::move(options),
                                   std::move(providers))) {}

FileSystem::~FileSystem() {
  if (impl_->is_closed) return;
  if (Result<void> closed = close(impl_->closing_scope()); !closed)
    impl_->log.error("the mount did not close cleanly", {{"err", closed.error().text()}});
}

void FileSystem::attach(KernelPort* kernel) { impl_->kernel = kernel; }

AccessLog& FileSystem::access_log() { return impl_->access_log; }

Result<void> FileSystem::sync_all(const Scope& scope) {
  Result<void> worst;
  for (const auto& file : impl_->files.all()) {
    if (Result<void> flushed = file->bytes().flush(scope); !flushed) worst = flushed;
  }
  TRY_OK(impl_->context.volume.sync(scope));
  return worst;
}

Result<void> FileSystem::close(const Scope& scope) {
  if (impl_->is_closed.exchange(true)) return {};
  impl_->locks.close();
  impl_->maintenance.close();
  std::set<Ino> kept;
  {
    MutexLock lock(impl_->mutex);
    kept = impl_->kept_until_forgotten;
  }
  for (const Ino ino : kept) impl_->give_back_kept(ino);
  impl_->maintenance.finish(scope);
  impl_->control.close();
  impl_->whole_files.close();
  const Result<void> synced = sync_all(scope);
  impl_->flusher.close();
  impl_->kernel = nullptr;
  return synced;
}

// Names.

Result<NodeEntry> FileSystem::lookup(const Scope& scope, const Caller&, NodeId parent, std::string_view name) {
  const Ino directory = ino_of(parent);
  if (const auto virtual_ino = VirtualFiles::lookup(directory, name)) {
    // Not to be cached: its size and content are of the moment.
    return NodeEntry{impl_->nodes.remember(*virtual_ino, false), 1,           *virtual_ino,
                     impl_->virtual_files.attr(*virtual_ino),    Duration(0), Duration(0)};
  }
  const Commits::Mark asked = impl_->commits.mark();
  TRY(const meta::Entry entry, impl_->context.volume.lookup(scope, directory, name));
  return impl_->entry_of(scope, entry, asked);
}

void FileSystem::forget(NodeId node, std::uint64_t lookups) {
  if (!impl_->nodes.forget(node, lookups)) return;
  {
    MutexLock lock(impl_->mutex);
    impl_->departed.erase(ino_of(node));
  }
  if (impl_->nodes.held_of(ino_of(node), 0).empty()) impl_->give_back_kept(ino_of(node));
  const std::shared_ptr<OpenFile> file = impl_->files.find(ino_of(node));
  if (file == nullptr) return;
  file->forgotten(node, impl_->kernel);
  impl_->files.drop_if_idle(file);
}

Result<NodeEntry> FileSystem::mknod(const Scope& scope, const Caller& caller, NodeId parent, std::string_view name,
                                    const meta::NewNode& node) {
  TRY_OK(impl_->check_changeable(ino_of(parent)));
  if (VirtualFiles::lookup(ino_of(parent), name)) return Code::kExists;
  const Commits::Mark asked = impl_->commits.mark();
  TRY(const meta::Entry entry, impl_->context.volume.mknod(scope, caller, ino_of(parent), name, node));
  return impl_->entry_of(scope, entry, asked);
}

Result<void> FileSystem::unlink(const Scope& scope, const Caller& caller, NodeId parent, std::string_view name) {
  TRY_OK(impl_->check_changeable(ino_of(parent)));
  if (VirtualFiles::lookup(ino_of(parent), name)) return Code::kNotPermitted;
  TRY(const meta::Removed removed, impl_->context.volume.unlink(scope, caller, ino_of(parent), name));
  impl_->unlinked(removed);
  return {};
}

std::optional<Ino> FileSystem::Impl::keep_replaced(const Scope& scope, Ino directory, std::string_view name,
                                                   std::uint32_t flags) {
  if ((flags & (meta::kRenameExchange | meta::kRenameNoReplace)) != 0) return std::nullopt;
  const Result<meta::Entry> target = context.volume.lookup(scope, directory, name);
  if (!target || target->attr.type != FileType::kRegular || nodes.held_of(target->ino, 0).empty()) return std::nullopt;
  {
    MutexLock lock(mutex);
    if (!kept_until_forgotten.insert(target->ino).second) return std::nullopt;
  }
  if (context.volume.hold(scope, target->ino)) return target->ino;
  MutexLock lock(mutex);
  kept_until_forgotten.erase(target->ino);
  return std::nullopt;
}

void FileSystem::Impl::give_back_kept(Ino ino) {
  {
    MutexLock lock(mutex);
    if (kept_until_forgotten.erase(ino) == 0) return;
  }
  give_back(closing_scope(), ino);
}

void FileSystem::Impl::unlinked(const meta::Removed& removed) {
  attributes_changed(removed.ino, 0);
  if (removed.is_in_trash) return;
  if (removed.is_gone) {
    maintenance.files_deleted();
  } else {
    MutexLock lock(mutex);
    if (kept_until_forgotten.contains(removed.ino) || files.find(removed.ino) != nullptr)
      unlinked_open.insert(removed.ino);
  }
}

Result<void> FileSystem::rmdir(const Scope& scope, const Caller& caller, NodeId parent, std::string_view name) {
  TRY_OK(impl_->check_changeable(ino_of(parent)));
  if (VirtualFiles::lookup(ino_of(parent), name)) return Code::kNotDirectory;
  const Result<meta::Entry> entry = impl_->context.volume.lookup(scope, ino_of(parent), name);
  TRY(const meta::Removed removed, impl_->context.volume.rmdir(scope, caller, ino_of(parent), name));
  if (entry && entry->ino == removed.ino && !removed.is_in_trash && !impl_->nodes.held_of(removed.ino, 0).empty()) {
    MutexLock lock(impl_->mutex);
    Attr& last = impl_->departed[removed.ino] = entry->attr;
    last.nlink = 0;
    last.ctime = impl_->scheduler.clock().wall();
  }
  return {};
}

Result<void> FileSystem::rename(const Scope& scope, const Caller& caller, NodeId from, std::string_view from_name,
                                NodeId to, std::string_view to_name, std::uint32_t flags) {
  TRY_OK(impl_->check_changeable(ino_of(from)));
  TRY_OK(impl_->check_changeable(ino_of(to)));
  if (VirtualFiles::lookup(ino_of(from), from_name) || VirtualFiles::lookup(ino_of(to), to_name))
    return Code::kNotPermitted;
  // Somebody may be about to open what is replaced, having looked its name up just now: it stays readable until the
  // kernel forgets it.
  const std::optional<Ino> kept = impl_->keep_replaced(scope, ino_of(to), to_name, flags);
  const Result<meta::Renamed> done =
      impl_->context.volume.rename(scope, caller, ino_of(from), from_name, ino_of(to), to_name, flags);
  if (kept && !(done && done->replaced && done->replaced->ino == *kept)) impl_->give_back_kept(*kept);
  if (!done) return done.error();
  const meta::Renamed& renamed = *done;
  impl_->attributes_changed(renamed.moved.ino, 0);
  if (renamed.replaced) {
    impl_->unlinked(*renamed.replaced);
  }
  return {};
}

Result<NodeEntry> FileSystem::link(const Scope& scope, const Caller& caller, NodeId node, NodeId parent,
                                   std::string_view name) {
  TRY_OK(impl_->check_changeable(ino_of(node)));
  TRY_OK(impl_->check_changeable(ino_of(parent)));
  if (VirtualFiles::lookup(ino_of(parent), name)) return Code::kExists;
  const Commits::Mark asked = impl_->commits.mark();
  TRY(const meta::Entry entry, impl_->context.volume.link(scope, caller, ino_of(node), ino_of(parent), name));
  TRY(NodeEntry linked, impl_->entry_of(scope, entry, asked));
  impl_->attributes_changed(entry.ino, linked.node);
  return linked;
}

Result<std::string> FileSystem::readlink(const Scope& scope, NodeId node) {
  return impl_->context.volume.readlink(scope, ino_of(node));
}

}  // namespace headrace::vfs
