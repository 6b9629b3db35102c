// SPDX-License-Identifier: Apache-2.0
// Sessions: how a client enters a volume, and what is left to do when it has gone (format sheet, section 3.6).
#include "meta/ops/operations.h"

namespace headrace::meta::ops {
namespace {

Result<void> check_still_expired(RecordTxn& txn, SessionId session, std::optional<std::int64_t> before) {
  if (!before) return {};
  TRY(const std::optional<SessionRecord> found, get(txn, SessionKey{session}));
  if (found && found->expires_seconds >= *before) return Code::kBusy;
  return {};
}

}  // namespace

Result<SessionId> new_session(RecordTxn& txn, const SessionRecord& session) {
  TRY(const std::optional<std::int64_t> last, get(txn, CounterKey{"nextSession"}));
  const std::int64_t number = last.value_or(0) + 1;
  put(txn, CounterKey{"nextSession"}, number);
  const SessionId fresh{static_cast<std::uint64_t>(number)};
  put(txn, SessionKey{fresh}, session);
  return fresh;
}

Result<SessionHoldings> session_holdings(RecordTxn& txn, SessionId session, std::size_t limit) {
  SessionHoldings holdings;
  TRY(const std::vector<Item> sustained, txn.scan(records::SustainedOf{session}, limit));
  for (const Item& item : sustained) holdings.sustained.push_back(std::get<SustainedKey>(item.key).ino);
  TRY(const std::vector<Item> locks, txn.scan(records::LocksHeldBy{session}, limit));
  for (const Item& item : locks) holdings.locks.push_back(item.key);
  return holdings;
}

Result<void> erase_locks(RecordTxn& txn, SessionId session, std::span<const records::Key> locks,
                         std::optional<std::int64_t> only_if_expired_before) {
  TRY_OK(check_still_expired(txn, session, only_if_expired_before));
  for (const records::Key& lock : locks) txn.erase(lock);
  return {};
}

Result<void> erase_session(RecordTxn& txn, SessionId session, std::optional<std::int64_t> only_if_expired_before) {
  TRY_OK(check_still_expired(txn, session, only_if_expired_before));
  erase(txn, SessionKey{session});
  return {};
}

}  // namespace headrace::meta::ops
