// SPDX-License-Identifier: Apache-2.0
// The mount's own rounds: the session's heartbeat, waiting locks, and, unless switched off, the volume's background
// jobs: dead sessions, deleted files and their objects, old trash, compaction of long chunk lists. Planned in meta,
// done here, on one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <thread>

#include "vfs/locks.h"
#include "vfs/open_file.h"

namespace headrace::vfs {

/// Thread-safe.
class Maintenance {
 public:
  Maintenance(const Context& context, FileTable& files, Locks& locks);
  ~Maintenance() { close(); }

  /// Files were deleted here: their data are released soon, not at the next hour.
  void files_deleted();
  /// A chunk's list was seen to be long.
  void suggest_compaction(Ino ino, ChunkIndex chunk);
  /// Ends the thread after what it does now. Idempotent.
  void close();
  /// After close(): releases what was deleted here and is not released yet, as far as the scope allows.
  void finish(const Scope& scope);

 private:
  using Chunk = std::pair<Ino, ChunkIndex>;
  void run(std::stop_token stop);
  void beat(const Scope& scope);
  void hourly(const Scope& scope);
  void release_data(const Scope& scope, Duration age);
  Result<void> compact(const Scope& scope, const Chunk& chunk);

  const Context& context_;
  FileTable& files_;
  Locks& locks_;
  Mutex mutex_;
  bool has_deleted_ GUARDED_BY(mutex_) = false;
  std::deque<Chunk> compactions_ GUARDED_BY(mutex_);
  std::set<Chunk> compacting_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> changed_;
  Moment next_beat_{};
  Moment next_hourly_{};
  bool is_lost_ = false;  // the volume; told once
  std::jthread thread_;
};

}  // namespace headrace::vfs
