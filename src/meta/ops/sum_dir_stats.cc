// SPDX-License-Identifier: Apache-2.0
// sum_dir_stats: a directory without statistics gets some, from its entries.
#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"

namespace headrace::meta::ops {
namespace {

constexpr std::size_t kRowsAtOnce = 1024;

}  // namespace

Result<bool> sum_dir_stats(RecordTxn& txn, Ino directory) {
  TRY(const std::optional<Attr> attr, get(txn, InodeKey{directory}));
  if (!attr || attr->type != FileType::kDirectory) return false;
  TRY(const std::optional<DirStatsRecord> present, get(txn, DirStatsKey{directory}));
  if (present) return false;
  DirStatsRecord sum;
  std::string after;
  for (;;) {
    TRY(const std::vector<Item> page, txn.scan(EntriesOf{directory, after, false}, kRowsAtOnce));
    for (const Item& item : page) {
      after = std::get<EntryKey>(item.key).name;
      TRY(const std::optional<Attr> child, get(txn, InodeKey{std::get<EntryRecord>(item.record).ino}));
      if (!child) continue;
      const Usage usage = usage_of(*child);
      sum.length += usage.length;
      sum.space += usage.space;
      sum.inodes += usage.inodes;
    }
    if (page.size() < kRowsAtOnce) break;
  }
  put(txn, DirStatsKey{directory}, sum);
  return true;
}

}  // namespace headrace::meta::ops
