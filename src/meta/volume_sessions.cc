// SPDX-License-Identifier: Apache-2.0
// Sessions of the volume: which there are, and cleaning up after those that are gone.
#include <algorithm>

#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

using records::Commit;
using records::Item;
using records::RecordTxn;

constexpr std::size_t kSessionsAtOnce = 1000;
constexpr std::size_t kHoldingsAtOnce = 1000;
// How long a session without heartbeats counts, as the format has it.
constexpr std::int64_t kForeverSeconds = 365 * 24 * 3600;

Result<std::vector<SessionInfo>> list_sessions(const Scope& scope, records::RecordEngine& engine, std::uint64_t after) {
  return engine.read(scope, {}, [after](RecordTxn& txn) -> Result<std::vector<SessionInfo>> {
    TRY(const std::vector<Item> rows,
        txn.scan(records::WholeVolume{records::Whole::kSessions, after}, kSessionsAtOnce));
    std::vector<SessionInfo> sessions;
    for (const Item& row : rows) {
      const auto& record = std::get<records::SessionRecord>(row.record);
      sessions.push_back({std::get<records::SessionKey>(row.key).session, record.expires_seconds, record.info});
    }
    return sessions;
  });
}

}  // namespace

std::int64_t Volume::Impl::session_expiry() const {
  if (options.heartbeat <= Duration::zero()) return now().seconds + kForeverSeconds;
  const std::int64_t seconds = std::chrono::ceil<std::chrono::seconds>(options.heartbeat * 5).count();
  return now().seconds + std::max<std::int64_t>(seconds, 1);
}

Result<void> Volume::Impl::end_session(const Scope& scope, SessionId which,
                                       std::optional<std::int64_t> only_if_expired_before) {
  RemovalMarks nobody(holds, false);
  for (;;) {
    TRY(const ops::SessionHoldings holdings,
        engine.read(scope, {}, [&](RecordTxn& txn) { return ops::session_holdings(txn, which, kHoldingsAtOnce); }));
    TRY_OK(engine.run(scope, Commit::kVisible, {}, [&](RecordTxn& txn) {
      return ops::erase_locks(txn, which, holdings.locks, only_if_expired_before);
    }));
    const OpContext fixed = context(nobody);
    for (const Ino ino : holdings.sustained) {
      TRY_OK(engine.run(scope, Commit::kVisible, {},
                        [&](RecordTxn& txn) { return ops::destroy_sustained(txn, fixed, which, ino); }));
    }
    if (holdings.locks.size() < kHoldingsAtOnce && holdings.sustained.size() < kHoldingsAtOnce) break;
  }
  return engine.run(scope, Commit::kDurable, {},
                    [&](RecordTxn& txn) { return ops::erase_session(txn, which, only_if_expired_before); });
}

Result<std::vector<SessionInfo>> Volume::sessions(const Scope& scope) {
  std::vector<SessionInfo> all;
  for (;;) {
    TRY(const std::vector<SessionInfo> page,
        list_sessions(scope, impl_->engine, all.empty() ? 0 : all.back().session.value()));
    all.insert(all.end(), page.begin(), page.end());
    if (page.empty()) return all;
  }
}

Result<std::size_t> Volume::reap_sessions(const Scope& scope) {
  if (impl_->is_read_only) return Code::kReadOnly;
  const std::int64_t now = impl_->now().seconds;
  TRY(const std::vector<SessionInfo> all, sessions(scope));
  std::size_t reaped = 0;
  for (const SessionInfo& one : all) {
    if (one.expires_seconds >= now || one.session == impl_->session || reaped >= kSessionsAtOnce) continue;
    const Result<void> ended = impl_->end_session(scope, one.session, now);
    if (!ended && ended.code() == Code::kBusy) continue;  // it is back
    TRY_OK(ended);
    impl_->log.info("cleaned up after a session that expired",
                    {{"session", std::to_string(one.session.value())}, {"info", one.info}});
    ++reaped;
  }
  return reaped;
}

}  // namespace headrace::meta
