// SPDX-License-Identifier: Apache-2.0
// Sums in differences.
#include "meta/ops/account.h"

#include <algorithm>

#include "meta/compaction_plan.h"
#include "meta/ops/load.h"

namespace headrace::meta::ops {

Usage usage_of(const Attr& attr) {
  return {attr.type == FileType::kRegular ? static_cast<std::int64_t>(attr.length) : 0,
          static_cast<std::int64_t>(space_of(attr)), 1};
}

void add_dir_stats(RecordTxn& txn, const OpContext& context, Ino directory, Usage usage) {
  if (!context.format.dir_stats || directory == kTrashRoot) return;
  if (usage.length == 0 && usage.space == 0 && usage.inodes == 0) return;
  add(txn, DirStatsKey{directory}, DirStatsRecord{usage.length, usage.space, usage.inodes});
}

void add_volume_usage(RecordTxn& txn, std::int64_t space, std::int64_t inodes) {
  if (space != 0) add(txn, CounterKey{"usedSpace"}, space);
  if (inodes != 0) add(txn, CounterKey{"totalInodes"}, inodes);
}

Result<void> check_room(RecordTxn& txn, const OpContext& context, std::int64_t space, std::int64_t inodes) {
  if (context.format.capacity_bytes > 0 && space > 0) {
    TRY(const std::optional<std::int64_t> used, get(txn, CounterKey{"usedSpace"}));
    const std::uint64_t now = static_cast<std::uint64_t>(std::max<std::int64_t>(used.value_or(0), 0));
    if (now + static_cast<std::uint64_t>(space) > context.format.capacity_bytes) return Code::kNoSpace;
  }
  if (context.format.inodes_max > 0 && inodes > 0) {
    TRY(const std::optional<std::int64_t> used, get(txn, CounterKey{"totalInodes"}));
    const std::uint64_t now = static_cast<std::uint64_t>(std::max<std::int64_t>(used.value_or(0), 0));
    if (now + static_cast<std::uint64_t>(inodes) > context.format.inodes_max) return Code::kNoSpace;
  }
  return {};
}

Result<void> check_room_in_list(RecordTxn& txn, Ino ino, ChunkIndex chunk, std::size_t more) {
  TRY(const std::optional<SliceList> list, get(txn, SlicesKey{ino, chunk}));
  if (!list || list->size() + more <= kSliceListMax) return {};
  return Error(Code::kThrottled,
               "a chunk of the file has as many references as the format allows, until it is compacted");
}

Result<void> account_length(RecordTxn& txn, const OpContext& context, Ino ino, const Attr& attr, std::uint64_t before,
                            std::uint64_t after) {
  if (before == after) return {};
  const Usage change{
      static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before),
      static_cast<std::int64_t>(space_of_length(after)) - static_cast<std::int64_t>(space_of_length(before)), 0};
  TRY_OK(check_room(txn, context, change.space, 0));
  add_volume_usage(txn, change.space, 0);
  if (!context.format.dir_stats) return {};
  TRY(const std::vector<ParentCount> parents, parents_of(txn, ino, attr));
  for (const ParentCount& parent : parents) {
    add_dir_stats(txn, context, parent.parent, {change.length * parent.names, change.space * parent.names, 0});
  }
  return {};
}

bool touch_directory(const OpContext& context, Attr& directory, bool must) {
  const std::int64_t age = nanoseconds_between(directory.mtime, context.now);
  if (!must && age >= 0 && age < context.skip_dir_mtime.count()) return false;
  directory.mtime = context.now;
  directory.ctime = context.now;
  return true;
}

}  // namespace headrace::meta::ops
