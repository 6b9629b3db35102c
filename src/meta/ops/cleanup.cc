// SPDX-License-Identifier: Apache-2.0
// Small duties of the background: whose turn a job is, and the end of what lies in the trash.
#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/remove.h"

namespace headrace::meta::ops {

Result<bool> claim_job(RecordTxn& txn, Timestamp now, const std::string& counter, std::int64_t interval_seconds) {
  TRY(const std::optional<std::int64_t> last, get(txn, CounterKey{counter}));
  if (last.value_or(0) > now.seconds - interval_seconds) return false;
  put(txn, CounterKey{counter}, now.seconds);
  return true;
}

Result<Removed> remove_from_trash(RecordTxn& txn, const OpContext& context, Ino parent, std::string_view name) {
  TRY(const EntryRecord entry, load_entry(txn, parent, name));
  TRY(const std::optional<Attr> attr, get(txn, InodeKey{entry.ino}));
  if (entry.type == FileType::kDirectory) {
    TRY(const bool empty, txn.is_empty(EntriesOf{entry.ino, {}, false}));
    if (!empty) return Code::kNotEmpty;
  }
  erase(txn, EntryKey{parent, std::string(name)});
  if (!attr) return remove_nothing(entry);
  OpContext for_good = context;
  for_good.trash_days = 0;  // what lies below a trashed directory does not go through the trash again
  if (entry.type == FileType::kDirectory) return remove_directory(txn, for_good, parent, name, entry.ino, *attr);
  return remove_file(txn, for_good, parent, name, entry.ino, *attr);
}

}  // namespace headrace::meta::ops
