// SPDX-License-Identifier: Apache-2.0
// The open table.
#include "vfs/policy.h"

namespace headrace::vfs {
namespace {

/// What a number without a past would get.
OpenAnswer fresh(const OpenQuestion& q) {
  if (q.writes || q.has_writers || !q.is_quiet) return OpenAnswer::kDirect;
  if (q.is_small) return OpenAnswer::kCached;
  return q.is_whole ? OpenAnswer::kPass : OpenAnswer::kDirect;
}

/// On a number that was retired and is opened all the same (through /proc/self/fd) ESTALE would reach the user: the
/// answer is what the kernel can have beside the handles of this number.
OpenAnswer compatible(const OpenQuestion& q) {
  if (q.mode == NodeMode::kPass) return q.writes || !q.backing_holds ? OpenAnswer::kPassDirect : OpenAnswer::kPass;
  return OpenAnswer::kDirect;
}

}  // namespace

OpenAnswer answer_open(const OpenQuestion& q) {
  if (!q.is_current) return q.mode == NodeMode::kNone ? OpenAnswer::kDirect : compatible(q);
  switch (q.mode) {
    case NodeMode::kNone: return fresh(q);
    case NodeMode::kPass:
      if (!q.backing_holds) return OpenAnswer::kStale;
      if (!q.writes) return OpenAnswer::kPass;
      // A handle that can be mapped shared may not stand on a backing: its stores would never reach us.
      return q.reads ? OpenAnswer::kStale : OpenAnswer::kPassDirect;
    case NodeMode::kDirect: {
      const OpenAnswer best = fresh(q);
      // Direct opens leave nothing behind in the kernel once the last one is released.
      return best == OpenAnswer::kDirect || !q.has_handles ? best : OpenAnswer::kStale;
    }
    case NodeMode::kCached: return fresh(q) == OpenAnswer::kCached ? OpenAnswer::kCached : OpenAnswer::kStale;
  }
  return OpenAnswer::kDirect;
}

}  // namespace headrace::vfs
