// SPDX-License-Identifier: Apache-2.0
// rmdir: the name of an empty directory goes, and the directory with it.
#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/permission.h"
#include "meta/ops/remove.h"

namespace headrace::meta::ops {

Result<Removed> rmdir(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino parent,
                      std::string_view name) {
  TRY(Attr directory, load_directory(txn, parent));
  TRY(const EntryRecord entry, load_entry(txn, parent, name));
  if (entry.type != FileType::kDirectory) return Code::kNotDirectory;
  TRY_OK(check_may_remove_from(caller, parent, directory));
  TRY(const std::optional<Attr> attr, get(txn, InodeKey{entry.ino}));
  if (attr) TRY_OK(check_may_go(caller, directory, *attr));
  TRY(const bool empty, txn.is_empty(EntriesOf{entry.ino, {}, false}));
  if (!empty) return Code::kNotEmpty;

  erase(txn, EntryKey{parent, std::string(name)});
  if (!is_trash(parent)) {
    if (directory.nlink > 2) --directory.nlink;
    touch_directory(context, directory, true);
    put(txn, InodeKey{parent}, directory);
  }
  if (!attr) return remove_nothing(entry);
  return remove_directory(txn, context, parent, name, entry.ino, *attr);
}

}  // namespace headrace::meta::ops
