// SPDX-License-Identifier: Apache-2.0
// The volume's accounts: what it uses in all, what each directory's children amount to, and whether there is room for
// more (format sheet, sections 3.7 and 3.8). Operations write differences; nothing here reads a directory.
#pragma once

#include <cstdint>

#include "meta/ops/context.h"

namespace headrace::meta::ops {

/// Differences, of a directory's statistics or of the volume's counters.
struct Usage {
  std::int64_t length = 0, space = 0, inodes = 0;
  Usage operator-() const { return {-length, -space, -inodes}; }
};

/// What one entry of this inode adds to its directory: the length counts for regular files alone.
Usage usage_of(const Attr& attr);

/// Nothing is kept for the trash root, nor on volumes without DirStats.
void add_dir_stats(RecordTxn& txn, const OpContext& context, Ino directory, Usage usage);
/// "usedSpace" and "totalInodes".
void add_volume_usage(RecordTxn& txn, std::int64_t space, std::int64_t inodes);

/// kNoSpace: the volume's capacity or number of inodes would be exceeded. Reads the counters only where there are
/// limits.
Result<void> check_room(RecordTxn& txn, const OpContext& context, std::int64_t space, std::int64_t inodes);

/// kThrottled: the list of this chunk has no room for so many more references, until it is compacted. Other clients
/// keep a list in 64 KiB.
Result<void> check_room_in_list(RecordTxn& txn, Ino ino, ChunkIndex chunk, std::size_t more);

/// The accounts of a regular file whose length changes from `before` to `after`: room is checked when it grows, and all
/// directories that hold the file are told.
Result<void> account_length(RecordTxn& txn, const OpContext& context, Ino ino, const Attr& attr, std::uint64_t before,
                            std::uint64_t after);

/// New mtime and ctime for a directory whose entries changed. `must`: whatever skip_dir_mtime says, because nlink
/// changes too. False: the record stays as it is and need not be written.
bool touch_directory(const OpContext& context, Attr& directory, bool must);

}  // namespace headrace::meta::ops
