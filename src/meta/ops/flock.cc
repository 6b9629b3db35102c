// SPDX-License-Identifier: Apache-2.0
// flock: BSD locks, one of an owner on a file (format sheet, section 3.5).
#include <fcntl.h>

#include "meta/ops/load.h"
#include "meta/ops/lock_owner.h"
#include "meta/ops/operations.h"

namespace headrace::meta::ops {
namespace {

// Another owner's lock stands against a request. A lock whose session is gone does not count, and goes.
Result<bool> is_blocked(RecordTxn& txn, const FlockKey& own, bool is_exclusive) {
  TRY(const std::vector<Item> held, txn.scan(records::FlocksOf{own.ino}, kLocksLookedAtMax));
  for (const Item& item : held) {
    const FlockKey& key = std::get<FlockKey>(item.key);
    if (key == own) continue;
    if (!is_exclusive && !std::get<records::FlockRecord>(item.record).is_exclusive) continue;
    TRY(const bool is_left_over, is_session_gone(txn, own.session, key.session));
    if (!is_left_over) return true;
    erase(txn, key);
  }
  return false;
}

}  // namespace

Result<bool> flock(RecordTxn& txn, const OpContext& context, Ino ino, LockOwner owner, std::uint32_t type) {
  const FlockKey own{ino, context.session, owner};
  if (type == F_UNLCK) {
    erase(txn, own);
    return true;
  }
  TRY_OK(load_inode(txn, ino));
  const bool is_exclusive = type == F_WRLCK;
  TRY(const std::optional<records::FlockRecord> present, get(txn, own));
  if (present && present->is_exclusive == is_exclusive) return true;
  TRY(const bool blocked, is_blocked(txn, own, is_exclusive));
  if (blocked) {
    if (present) erase(txn, own);
    return false;
  }
  put(txn, own, records::FlockRecord{is_exclusive});
  return true;
}

}  // namespace headrace::meta::ops
