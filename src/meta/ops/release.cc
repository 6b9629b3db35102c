// SPDX-License-Identifier: Apache-2.0
// Deleted files give their slices back, and slices without a reference are forgotten once their objects are gone.
#include <optional>

#include "meta/ops/operations.h"

namespace headrace::meta::ops {

Result<bool> release_deleted_file(RecordTxn& txn, Ino ino, std::size_t lists_max) {
  TRY(const std::optional<DeletedFileRecord> deleted, get(txn, DeletedFileKey{ino}));
  if (!deleted) return true;  // somebody else was faster
  TRY(const std::optional<Attr> attr, get(txn, InodeKey{ino}));
  if (attr) return Error(Code::kDamaged, "inode " + std::to_string(ino.value()) + " is listed as deleted and exists");
  TRY(const std::vector<Item> lists, txn.scan(SlicesOf{ino}, lists_max));
  for (const Item& item : lists) {
    // Read again, so that two clients that release the same list do not both lower its references.
    const SlicesKey& key = std::get<SlicesKey>(item.key);
    TRY(const std::optional<SliceList> list, get(txn, key));
    for (const Slice& slice : list.value_or(SliceList{})) {
      if (slice.id != SliceId{0}) add(txn, SliceRefKey{slice.id, slice.size}, -1);
    }
    erase(txn, key);
  }
  if (lists.size() >= lists_max) return false;
  erase(txn, DeletedFileKey{ino});
  return true;
}

Result<void> forget_slice(RecordTxn& txn, const DoomedSlice& slice) {
  const SliceRefKey key{slice.slice, slice.size};
  TRY(const std::optional<std::int64_t> references, get(txn, key));
  if (references && *references > 0) return Code::kConflict;
  erase(txn, key);
  return {};
}

}  // namespace headrace::meta::ops
