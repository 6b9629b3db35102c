// SPDX-License-Identifier: Apache-2.0
// The one connection that writes: transactions of batches, and what else needs the write lock.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/rng.h"
#include "records/batcher.h"
#include "records/shared_sync.h"
#include "records/sqlite/busy.h"
#include "records/sqlite/database.h"
#include "records/sqlite/reader.h"

namespace headrace::records {

/// begin() and its end are called by one leader at a time; the rest is thread-safe.
class WriterStore final : public BatchStore {
 public:
  /// `on_log_pages` learns after each commit how many pages the log has. All must outlive the store.
  WriterStore(Scheduler& scheduler, SqliteDatabase& database, SharedSync& sync, EngineObserver* observer,
              std::function<void(std::uint64_t)> on_log_pages);
  ~WriterStore() override;

  // BatchStore. After a sync has failed, damage was seen or the file was replaced, begin() refuses for ever, with that
  // reason.
  Result<RecordReader*> begin(const Scope& scope) override;
  Result<void> commit(const ChangeSet& changes) override;
  void abandon() override;
  std::uint64_t sync_ticket() override { return sync_.ticket(); }

  /// Runs `body` while this connection holds the database's write lock and no batch is open.
  Result<void> with_write_lock(const Scope& scope, FunctionRef<Result<void>()> body);
  /// Looks whether another client has committed since this connection last looked; take_foreign_change() tells.
  Result<void> look_for_foreign_change(const Scope& scope);
  /// Whether a foreign commit was seen since the last call.
  bool take_foreign_change() { return foreign_change_.exchange(false); }
  /// How many commits of ours have begun, and have ended.
  std::uint64_t commits_begun() const { return commits_begun_; }
  std::uint64_t commits_ended() const { return commits_ended_; }

 private:
  Result<void> check_health();
  Result<void> begin_immediate(const Scope& scope);
  Result<void> notice_version();
  void stop_writing(const Error& reason);

  Scheduler& scheduler_;
  SqliteDatabase& database_;
  Connection& connection_;
  SharedSync& sync_;
  EngineObserver* const observer_;
  const std::function<void(std::uint64_t)> on_log_pages_;
  SqliteReader reader_;
  Rng rng_;
  Turn turn_;  // who uses connection_

  // Of whoever has the turn.
  bool has_version_ = false;
  std::int64_t version_ = 0;
  Moment identity_checked_;

  std::atomic<bool> foreign_change_ = false;
  std::atomic<std::uint64_t> commits_begun_ = 0, commits_ended_ = 0;
  Mutex mutex_;
  Result<void> stopped_ GUARDED_BY(mutex_);
};

}  // namespace headrace::records
