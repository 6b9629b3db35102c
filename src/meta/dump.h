// SPDX-License-Identifier: Apache-2.0
// All metadata of a volume as one JSON document, in the form that JuiceFS's own dump has (juicefs-volume-format,
// section 9.1), so that either program loads what the other dumped. Written piece by piece: memory does not grow with
// the volume.
//
// In the document: the description, counters, deleted files, limits of directories, the tree of names with attributes,
// links, extended attributes, ACLs and chunk lists, and the trash. Not in it: sessions and locks, retired slices,
// reference counts and statistics (a load counts them again), and files that are only open.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/function_ref.h"
#include "base/result.h"
#include "base/scope.h"
#include "records/txn.h"

namespace headrace::meta {

struct DumpOptions {
  bool skip_trash = false;
  bool keep_secret_key = false;  // else SecretKey and SessionToken are "removed"
};
struct DumpSummary {
  std::uint64_t inodes = 0;    // entries of the tree and the trash, a file once for each of its names
  std::uint64_t bytes = 0;     // of the document
  std::uint64_t left_out = 0;  // names without an inode: damage that a dump cannot hold
  /// Equal for two dumps of a volume that nobody changed meanwhile, though mounts came and went and backups were made.
  std::uint64_t digest = 0;
};

/// Takes the pieces in order. It is called while the state that is dumped is held, so it does not wait for others: a
/// file takes them.
using DumpSink = FunctionRef<Result<void>(std::string_view)>;

/// Dumps one state of the volume; others change it meanwhile. An engine with a log keeps what it needs of that state
/// until this ends, which the scope limits. kNotFound: there is no volume. kNotSupported: it has limits for users or
/// groups, which have no record here. The sink's error, kTimedOut and kInterrupted end it.
Result<DumpSummary> dump_volume(const Scope& scope, records::RecordEngine& engine, const Clock& clock,
                                const DumpOptions& options, DumpSink sink);

}  // namespace headrace::meta
