// SPDX-License-Identifier: Apache-2.0
// Whole copies of a volume's files in the node tier: what they are called, whether one is there, and bringing one in. A copy is named by
// the volume, the inode and a digest of the visible extents: equal names mean equal bytes, in this mount and after a restart.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "vfs/open_file.h"

namespace headrace::vfs {

/// Thread-safe.
class WholeFiles {
 public:
  explicit WholeFiles(const Context& context) : context_(context) {}
  ~WholeFiles() { close(); }

  /// The complete copy of the file as it is committed, or null. May start to bring one in.
  std::shared_ptr<block::NodeFile> complete_copy(const Scope& scope, OpenFile& file);
  /// The name of a copy of these extents.
  block::CopyKey key_of(Ino ino, const meta::ChunkView& view) const;
  /// Ends what is being brought in. Idempotent.
  void close();

 private:
  const Context& context_;
};

}  // namespace headrace::vfs
