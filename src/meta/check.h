// SPDX-License-Identifier: Apache-2.0
// Does the metadata of a volume agree with itself? Looks at every record, writes nothing, and says what it found in
// sentences. It works on any engine, for the fsck command and for tests; the objects behind the slices are the
// command's to check.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/scope.h"
#include "base/types.h"
#include "records/txn.h"

namespace headrace::meta {

enum class FindingKind {
  kNoRoot,             // inode 1 is missing, or no directory
  kEntryWithoutInode,  // a name that leads nowhere
  kWrongEntryType,     // an entry says another type than its inode
  kWrongParent,        // an inode says that it lies in another directory
  kWrongLinkCount,     // nlink is not what the entries amount to
  kNamelessInode,      // no entry names it, and nobody sustains it
  kDeletedInode,       // listed as deleted, and exists
  kWrongSustained,     // sustained without an inode, or although it has a name
  kNoTarget,           // a symlink without its target, or one of another length
  kStrayRecord,        // something that hangs on an inode which does not exist
  kWrongDirStats,      // a directory's statistics are not the sum of its entries
  kNoDirStats,         // a directory has none, on a volume that keeps them
  kWrongCounter,       // usedSpace or totalInodes is not the sum of all inodes
  kDamagedList,        // a chunk list with references that cannot be
  kLongList,           // a chunk list longer than the format allows
  kDataBeyondLength,   // bytes behind the end of a file that would show if it grew
  kWrongSliceRefs,     // a slice's count is not the number of references to it
  kDamagedRecord,      // bytes that are no record
};
std::string_view name_of(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kNoRoot;
  Ino ino;        // 0: it is not about an inode
  SliceId slice;  // 0: it is not about a slice
  std::string sentence;
};

struct CheckOptions {
  /// How many findings are kept; all are counted.
  std::size_t findings_max = 10'000;
  /// How many slices are counted at a time: the lists are read once for each so many. About 64 bytes each.
  std::size_t slices_at_once = 1'000'000;
  /// Called once for each slice whose objects must exist, hidden and retired ones included, by id. Not inside a
  /// transaction: it may wait. Its error ends the check.
  std::function<Result<void>(SliceId slice, std::uint32_t size)> needed_slice;
  /// Whether what this reference shows is zeros: compactions leave zeros behind the end of a file, which are no fault,
  /// and only the objects tell them from data. Not inside a transaction: it may wait. kNotFound: the objects are
  /// missing. Where it is not given, the one byte that a compaction of a hole leaves is taken for a zero, and
  /// everything else for data.
  std::function<Result<bool>(const records::Slice& reference)> is_zero;
};

struct CheckReport {
  std::vector<Finding> findings;
  std::uint64_t findings_total = 0;
  std::uint64_t directories = 0, files = 0, others = 0;  // inodes, without the root and the trash root
  std::uint64_t chunks = 0, slices = 0;                  // lists, and different slices in them
  std::uint64_t used_bytes = 0;                          // what the inodes add up to
};

/// The names are checked over one consistent state, and so are the slices, window by window: of a volume that others
/// change meanwhile the difference between two states can show as a finding. Statistics and counters of JuiceFS clients
/// follow their changes by seconds. Memory is bounded by the options, and by the number of files that are open without
/// a name. Engine errors other than kDamaged end the check.
Result<CheckReport> check_volume(const Scope& scope, records::RecordEngine& engine, const CheckOptions& options);

}  // namespace headrace::meta
