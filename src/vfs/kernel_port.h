// SPDX-License-Identifier: Apache-2.0
// What the file system asks of the kernel lane, unasked: to register backing files and to forget what it cached. The
// lane implements it; tests have a fake that keeps a list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/scope.h"

namespace headrace::vfs {

/// The kernel's name for a file: an inode and its incarnation (vfs/node_table.h).
using NodeId = std::uint64_t;

/// The number that a request is about.
struct Asker {
  NodeId node = 0;  // 0: no request
  Duration patience{0};
};

/// Where a file ends that has grown.
struct FileEnd {
  std::uint64_t length = 0;
  std::byte last_byte{};
};

/// What the kernel knows of a file that is not true any more: attributes, and bytes.
struct InodeChange {
  std::int64_t offset = -1;  // of the bytes; < 0: attributes alone
  std::int64_t length = 0;   // 0: to the end of the file
  /// Set where the end may have moved on: mappings made earlier under this number reach to it from now on. The kernel
  /// looks at no attributes when a mapping is touched.
  std::optional<FileEnd> end = {};
};

/// Thread-safe. Notifications are queued to a thread that serves no requests (kernel-lanes, section 5, "Deadlock
/// rule"), so all may be called from a request's own thread.
class KernelPort {
 public:
  virtual ~KernelPort() = default;
  /// The kernel reads this descriptor's file by itself from now on, where an open says so. Returns its id (> 0).
  /// kNotSupported: no passthrough on this mount.
  virtual Result<std::int32_t> register_backing(int descriptor) = 0;
  virtual void release_backing(std::int32_t backing_id) = 0;
  virtual void invalidate_inode(NodeId node, const InodeChange& change) = 0;
  virtual void invalidate_entry(NodeId parent, const std::string& name) = 0;
  /// Waits until all notifications queued before are done; without the file's turn, which stores that they bring in
  /// want. Ends early when one about the asker's number has been under way for the asker's patience: the kernel may
  /// wait in it for the very request that asks.
  virtual Result<void> drain(const Scope& scope, const Asker& asker) = 0;
};

}  // namespace headrace::vfs
