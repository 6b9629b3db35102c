// SPDX-License-Identifier: Apache-2.0
// How an open is answered: the table of DESIGN 8.3 as a pure function. The kernel's rules that it keeps (kernel-lanes,
// section 6): a number that the kernel serves from a backing file never gets a cached or plain direct open while it is
// so served, keeps one backing, and changes its mode only when no handle is left that set the old one.
#pragma once

#include <cstdint>

#include "vfs/file_system.h"

namespace headrace::vfs {

/// How a number has been opened so far: kNone until its first open.
enum class NodeMode : std::uint8_t { kNone, kDirect, kCached, kPass };

struct OpenQuestion {
  NodeMode mode = NodeMode::kNone;    // of the number that is opened
  bool is_current = true;             // a lookup would still answer with this number
  bool has_handles = false;           // handles of this number are open
  bool reads = true, writes = false;  // the access asked for
  bool has_writers = false;           // a handle of any number of this file may write
  bool is_quiet = false;              // no writer, and unchanged for T
  bool is_small = false;              // below the passthrough size
  bool is_whole = false;      // a complete, checked copy of these bytes is on this node, and the kernel takes backings
  bool backing_holds = true;  // kPass: its backing still shows the file's bytes (ours alone wrote since)
};

/// kStale: answer ESTALE once; the number is retired and the lookup that follows gets a fresh one.
enum class OpenAnswer : std::uint8_t { kDirect, kCached, kPass, kPassDirect, kStale };

OpenAnswer answer_open(const OpenQuestion& question);

}  // namespace headrace::vfs
