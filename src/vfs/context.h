// SPDX-License-Identifier: Apache-2.0
// What every part of the mount needs from below: one bundle of references, made once by FileSystem.
#pragma once

#include <functional>

#include "base/budget.h"
#include "base/event.h"
#include "base/log.h"
#include "block/block_store.h"
#include "block/node_tier.h"
#include "meta/volume.h"
#include "vfs/commits.h"
#include "vfs/file_system.h"

namespace headrace::vfs {

/// A compaction may come between a list and the objects that it names; then the list is read anew. So many in a row are
/// none: the objects are lost.
inline constexpr int kListsReadMax = 5;

struct Context {
  meta::Volume& volume;
  block::BlockStore& blocks;
  block::NodeTier& tier;
  Budget& budget;
  Scheduler& scheduler;
  const Log& log;
  const FileSystemOptions& options;
  Commits& commits;
  /// Called when a chunk's list is seen to be long. Set once, before the first request; may be empty.
  std::function<void(Ino, ChunkIndex)> list_is_long;
  /// Called with the bytes that a compaction rewrote. As above.
  std::function<void(std::uint64_t)> has_compacted = {};
  /// Called when a heartbeat finds that the volume was replaced, or the session taken for dead. As above.
  std::function<void(const Error&)> volume_lost = {};
};

}  // namespace headrace::vfs
