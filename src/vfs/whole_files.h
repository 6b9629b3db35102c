// SPDX-License-Identifier: Apache-2.0
// Whole copies of a volume's files in the node tier: what they are called, whether one is there, and bringing one in. A
// copy is named by the volume, the inode and a digest of the visible extents: equal names mean equal bytes, in this
// mount and after a restart.
#pragma once

#include <memory>

#include "block/file_filler.h"
#include "vfs/context.h"

namespace headrace::vfs {

/// Thread-safe.
class WholeFiles {
 public:
  explicit WholeFiles(const Context& context) : context_(context) {}
  ~WholeFiles() { close(); }

  /// The complete copy of the file as it is committed, or null.
  std::shared_ptr<block::NodeFile> complete_copy(const Scope& scope, Ino ino);
  /// Begins to bring in the file as it is committed, or joins who does. Waits for nothing but the metadata. kNoSpace:
  /// the tier cannot hold it; kTimedOut: enough is on its way already; kNotSupported: the file is in too many pieces.
  struct Begun {
    std::shared_ptr<block::FileFill> fill;
    Attr attr;  // of the version that is brought in
  };
  Result<Begun> begin(const Scope& scope, Ino ino);
  /// The same of a copy that is complete already; kNotFound: none is.
  Result<Begun> join_complete(const Scope& scope, Ino ino);
  /// Brings a copy in and waits until it is complete. Whoever else wants the same one waits for it too. kNoSpace: it
  /// cannot be held.
  Result<void> bring(const Scope& scope, Ino ino, const meta::ChunkView& view);
  /// The name of a copy of these extents.
  block::CopyKey key_of(Ino ino, const meta::ChunkView& view) const;
  /// Ends what is being brought in. Idempotent.
  void close();

 private:
  Result<Begun> begin_version(const Scope& scope, const block::CopyKey& key, meta::ChunkView view);
  Result<std::shared_ptr<block::FileFill>> fill(const Scope& scope, const block::CopyKey& key, ExtentList extents)
      EXCLUDES(mutex_);

  const Context& context_;
  Mutex mutex_;
  /// Made when it is first needed: a mount that reads small files has none of its threads.
  std::shared_ptr<block::FileFiller> filler_ GUARDED_BY(mutex_);
  bool is_closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace headrace::vfs
