// SPDX-License-Identifier: Apache-2.0
#include "cli/erase_volume.h"

#include <vector>

namespace headrace::cli {
namespace {

using records::Commit;
using records::Item;
using records::Key;
using records::RecordEngine;
using records::RecordTxn;
using records::Whole;

constexpr std::size_t kPage = 1000;
/// Names before inodes, so that nothing is left that names something gone. Locks and sustained files hang on sessions.
constexpr Whole kKinds[] = {Whole::kEntries,   Whole::kXattrs,           Whole::kSymlinks,      Whole::kSlices,
                            Whole::kSliceRefs, Whole::kPendingSliceRefs, Whole::kDelayedSlices, Whole::kDeletedFiles,
                            Whole::kSustained, Whole::kDirStats,         Whole::kDirQuotas,     Whole::kDetached,
                            Whole::kInodes,    Whole::kSessions,         Whole::kCounters};

/// Erases the first page of a kind and, with sessions, the locks they hold; how many records went.
Result<std::uint64_t> erase_page(RecordTxn& txn, Whole what) {
  TRY(const std::vector<Item> page, txn.scan(records::WholeVolume{what, 0}, kPage));
  std::uint64_t count = page.size();
  for (const Item& item : page) {
    if (const auto* session = std::get_if<records::SessionKey>(&item.key)) {
      TRY(const std::vector<Item> locks, txn.scan(records::LocksHeldBy{session->session}, kPage));
      for (const Item& lock : locks) txn.erase(lock.key);
      count += locks.size();
    }
    txn.erase(item.key);
  }
  return count;
}

}  // namespace

Result<void> erase_volume(const Scope& scope, RecordEngine& engine, FunctionRef<void(std::uint64_t)> erased) {
  std::uint64_t total = 0;
  for (const Whole what : kKinds) {
    for (;;) {
      TRY(const std::uint64_t count,
          engine.run(scope, Commit::kVisible, {}, [&](RecordTxn& txn) { return erase_page(txn, what); }));
      if (count == 0) break;
      erased(total += count);
    }
  }
  const auto last =
      engine.run(scope, Commit::kDurable, {Key(records::SettingKey{})}, [](RecordTxn& txn) -> Result<int> {
        records::erase(txn, records::SettingKey{});
        return 0;
      });
  if (!last) return last.error();
  return {};
}

}  // namespace headrace::cli
