// SPDX-License-Identifier: Apache-2.0
// Whole copies of a volume's files in the node tier: what they are called, whether one is there, and bringing one in. A copy is named by
// the volume, the inode and a digest of the visible extents: equal names mean equal bytes, in this mount and after a restart.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/thread_pool.h"
#include "vfs/open_file.h"

namespace headrace::vfs {

/// Thread-safe.
class WholeFiles {
 public:
  explicit WholeFiles(const Context& context) : context_(context), changed_(context.scheduler.new_event()) {}
  ~WholeFiles() { close(); }

  /// The complete copy of the file as it is committed, or null: then it begins to bring one in, if there is room, and later opens find
  /// it.
  std::shared_ptr<block::NodeFile> complete_copy(const Scope& scope, OpenFile& file);
  /// Brings a copy in and waits until it is complete. Whoever else wants the same one waits for it too. kNoSpace: it cannot be held.
  Result<void> bring(const Scope& scope, Ino ino, const meta::ChunkView& view);
  /// The name of a copy of these extents.
  block::CopyKey key_of(Ino ino, const meta::ChunkView& view) const;
  /// Ends what is being brought in. Idempotent.
  void close();

 private:
  Result<void> fill(const Scope& scope, block::NodeFile& copy, const meta::ChunkView& view);
  ThreadPool* pool() EXCLUDES(mutex_);

  const Context& context_;
  std::stop_source stop_;
  Mutex mutex_;
  std::set<std::string> filling_ GUARDED_BY(mutex_);  // identities of copies on their way
  std::unique_ptr<ThreadPool> background_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> changed_;
};

}  // namespace headrace::vfs
