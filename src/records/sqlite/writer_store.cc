// SPDX-License-Identifier: Apache-2.0
// Transactions on the writing connection.
#include "records/sqlite/writer_store.h"

#include <sqlite3.h>

#include <utility>

#include "records/sqlite/writer.h"

namespace headrace::records {
namespace {

int on_log(void* function, sqlite3*, const char*, int pages) {
  (*static_cast<const std::function<void(std::uint64_t)>*>(function))(static_cast<std::uint64_t>(pages));
  return SQLITE_OK;
}

bool saw_damage(Connection& connection) {
  const int code = sqlite3_errcode(connection.handle()) & 0xFF;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

}  // namespace

WriterStore::WriterStore(Scheduler& scheduler, SqliteDatabase& database, SharedSync& sync, EngineObserver* observer,
                         std::function<void(std::uint64_t)> on_log_pages)
    : scheduler_(scheduler),
      database_(database),
      connection_(database.writer()),
      sync_(sync),
      observer_(observer),
      on_log_pages_(std::move(on_log_pages)),
      reader_(connection_),
      rng_(random_seed()),
      turn_(scheduler),
      identity_checked_(scheduler.clock().now()) {
  // Takes the place of the automatic checkpoint.
  sqlite3_wal_hook(connection_.handle(), on_log, const_cast<std::function<void(std::uint64_t)>*>(&on_log_pages_));
}

WriterStore::~WriterStore() { sqlite3_wal_hook(connection_.handle(), nullptr, nullptr); }

Result<RecordReader*> WriterStore::begin(const Scope& scope) {
  TRY_OK(turn_.take(scope));
  Result<void> begun = check_health();
  if (begun) begun = begin_immediate(scope);
  if (!begun) {
    turn_.give();
    return begun.error();
  }
  return &reader_;
}

Result<void> WriterStore::begin_immediate(const Scope& scope) {
  TRY_OK(retry_while_busy(scheduler_, scope, rng_, observer_,
                          [this] { return connection_.query("BEGIN IMMEDIATE").run(); }));
  const Result<void> noticed = notice_version();
  if (!noticed) connection_.roll_back();
  return noticed;
}

Result<void> WriterStore::commit(const ChangeSet& changes) {
  ++commits_begun_;
  Result<void> committed = write_changes(connection_, changes);
  if (committed) committed = connection_.query("COMMIT").run();
  if (!committed && saw_damage(connection_)) stop_writing(committed.error());
  connection_.roll_back();
  if (const Result<std::int64_t> version = connection_.data_version())
    version_ = *version;  // what is ours is not foreign
  ++commits_ended_;
  turn_.give();
  return committed;
}

void WriterStore::abandon() {
  connection_.roll_back();
  turn_.give();
}

Result<void> WriterStore::with_write_lock(const Scope& scope, FunctionRef<Result<void>()> body) {
  TRY(RecordReader * unused, begin(scope));
  (void)unused;
  Result<void> done = body();
  abandon();
  return done;
}

Result<void> WriterStore::look_for_foreign_change(const Scope& scope) {
  TRY_OK(turn_.take(scope));
  Result<void> looked = connection_.begin_reading();
  if (looked) looked = notice_version();
  abandon();
  return looked;
}

Result<void> WriterStore::notice_version() {
  TRY(const std::int64_t version, connection_.data_version());
  if (has_version_ && version != version_) foreign_change_ = true;
  has_version_ = true;
  version_ = version;
  return {};
}

Result<void> WriterStore::check_health() {
  if (sync_.has_failed()) return Error(Code::kIo, "the metadata database takes no more writes: a sync has failed");
  const Moment now = scheduler_.clock().now();
  if (now - identity_checked_ >= std::chrono::seconds(1)) {
    identity_checked_ = now;
    const Result<void> same = database_.check_identity();
    if (!same) stop_writing(same.error());
  }
  MutexLock lock(mutex_);
  return stopped_;
}

void WriterStore::stop_writing(const Error& reason) {
  MutexLock lock(mutex_);
  if (stopped_) stopped_ = Error(reason.code, "the metadata database takes no more writes: " + reason.text());
}

}  // namespace headrace::records
