// SPDX-License-Identifier: Apache-2.0
// The parts of a mount and how they are put together. For the file_system*.cc files alone: each holds one group of
// FileSystem's methods.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "vfs/control.h"
#include "vfs/file_system.h"
#include "vfs/flusher.h"
#include "vfs/handles.h"
#include "vfs/locks.h"
#include "vfs/maintenance.h"
#include "vfs/node_table.h"
#include "vfs/open_file.h"
#include "vfs/virtual_files.h"
#include "vfs/whole_files.h"

namespace headrace::vfs {

struct FileSystem::Impl {
  Impl(meta::Volume& volume, block::BlockStore& blocks, block::NodeTier& tier, Budget& budget, Scheduler& scheduler,
       const Log& log, metrics::Registry& registry, FileSystemOptions file_system_options, Providers what_provides);

  /// The answer to a lookup: attributes as this mount shows them, and one more lookup counted. `asked`: when the
  /// metadata was.
  Result<NodeEntry> entry_of(const Scope& scope, const meta::Entry& entry, Commits::Mark asked);
  /// As entry_of(), of attributes that can be shown as they are.
  NodeEntry new_entry(Ino ino, const Attr& attr);
  Result<NodeAttr> attr_of(const Scope& scope, Ino ino, const Attr& attr, Commits::Mark asked);
  /// Attributes with what is not committed yet, asked for once more if a commit came between.
  Result<Attr> shown(const Scope& scope, Ino ino, Attr attr, Commits::Mark asked) const;
  /// Other numbers of this inode hold attributes that are old now.
  void attributes_changed(Ino ino, NodeId by);
  /// kStale: a name under this directory cannot be made; kAccess …: refuses changes of the mount's own files.
  Result<void> check_changeable(Ino ino) const;
  Result<std::shared_ptr<Handle>> handle_of(std::uint64_t number, NodeId node) const;
  /// The file behind a node, opened for the time of one call.
  Result<std::shared_ptr<OpenFile>> borrow(const Scope& scope, NodeId node);
  /// Opens a file that is held already; gives the hold back when it fails.
  struct OpenHints {
    bool is_new = false;            // made by this very call
    bool kills_privileges = false;  // with O_TRUNC: suid and sgid go
  };
  Result<Opened> open_held(const Scope& scope, const Caller& caller, NodeId node, int flags, const ReadAttr& read,
                           const OpenHints& hints);
  void give_back(const Scope& scope, Ino ino);
  /// Holds the file that a rename is about to replace, if the kernel knows it: until it is forgotten.
  /// The parts of FileSystem::adopt().
  Result<void> adopt_handle(const Scope& scope, KeptHandle& kept);
  void adopt_backing(KeptBacking& kept, std::map<std::int32_t, UniqueFd>& descriptors);
  void adopt_locks();
  Result<void> adopt_losses(const Scope& scope);
  Result<void> show_committed(const Scope& scope, Ino ino);
  Result<void> tell_lost(Handle& handle);
  Result<void> adopt_requests(const Scope& scope);
  std::optional<Ino> keep_replaced(const Scope& scope, Ino directory, std::string_view name, std::uint32_t flags);
  void give_back_kept(Ino ino);
  /// Before a read that came to us: begins to bring in what such a reader wants next, the whole file if it seems to
  /// want that.
  void read_ahead(const Scope& scope, Handle& handle, std::uint64_t offset, std::uint64_t length);
  /// A file lost its last name.
  void unlinked(const meta::Removed& removed);
  std::unique_ptr<Directory> new_directory(Ino ino);
  /// Told before suid and sgid must go because somebody else writes.
  Result<void> drop_privileges(const Scope& scope, Ino ino);
  Scope closing_scope() const { return {scheduler.clock().now() + std::chrono::seconds(300), {}}; }

  Scheduler& scheduler;
  const Log& log;
  FileSystemOptions options;
  Providers providers;
  Commits commits;
  Context context;
  /// Of regular files: after a thousand restarts their numbers begin anew, and the kernel tells them apart by this.
  const std::uint64_t generation = 1 + (options.index == nullptr ? 0 : options.index->restarts());
  NodeTable nodes;
  FileTable files;
  Handles handles;
  Locks locks;
  AccessLog access_log;
  WholeFiles whole_files;
  Flusher flusher;
  Control control;
  VirtualFiles virtual_files;
  Maintenance maintenance;
  std::atomic<KernelPort*> kernel = nullptr;
  std::vector<metrics::Reading> readings;
  std::atomic<bool> is_closed = false;
  Mutex mutex;
  /// Files whose last name went while they were open: their data go with the last handle.
  std::set<Ino> unlinked_open GUARDED_BY(mutex);
  /// Files that a rename replaced while the kernel knew them.
  std::set<Ino> kept_until_forgotten GUARDED_BY(mutex);
  /// Directories that were removed while the kernel still knows them: a process may stand in one.
  std::map<Ino, Attr> departed GUARDED_BY(mutex);
};

}  // namespace headrace::vfs
