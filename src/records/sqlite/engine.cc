// SPDX-License-Identifier: Apache-2.0
// The parts of an SQLite engine, wired.
#include "records/sqlite/engine.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "records/gate.h"
#include "records/id_pool.h"
#include "records/overlay.h"
#include "records/sqlite/busy.h"
#include "records/sqlite/change_watch.h"
#include "records/sqlite/database.h"
#include "records/sqlite/reader_pool.h"
#include "records/sqlite/writer_store.h"

namespace headrace::records {
namespace {

/// What only an engine that writes has.
struct Writing {
  Writing(Scheduler& scheduler, SqliteDatabase& database, ReaderPool& readers, const EngineTraits& traits,
          EngineObserver* observer, const SqliteTuning& tuning)
      : sync(
            scheduler,
            [&database]() -> Result<void> {
              if (::fdatasync(database.log_fd()) != 0)
                return errno_error(errno, "sync the log of " + database.location().path);
              return {};
            },
            observer),
        checkpointer(scheduler, database, readers, observer, tuning.checkpoint),
        store(scheduler, database, sync, observer, [this](std::uint64_t pages) { checkpointer.note_log_pages(pages); }),
        batcher(scheduler, store, traits, observer, tuning.batch) {
    checkpointer.start(store);
  }

  SharedSync sync;
  Checkpointer checkpointer;
  WriterStore store;
  Batcher batcher;
};

class SqliteEngine final : public RecordEngine {
 public:
  SqliteEngine(std::unique_ptr<SqliteDatabase> database, const OpenOptions& options, Scheduler& scheduler,
               const SqliteTuning& tuning)
      : owner_(::getpid()),
        scheduler_(scheduler),
        observer_(options.observer),
        traits_{"sqlite3", options.read_only, true},
        rng_(random_seed()),
        gate_(scheduler),
        parts_(std::make_unique<Parts>(std::move(database), *this, traits_, observer_, scheduler, tuning)) {}
  ~SqliteEngine() override {
    if (::getpid() != owner_)
      (void)parts_.release();  // its files, locks and threads are the parent's
    else
      (void)close();
  }

  Result<void> run_operation(const Scope& scope, Commit commit, std::span<const Key> first_keys,
                             Operation operation) override {
    TRY(const Gate::Visit visit, enter());
    if (traits_.is_read_only) return Error(Code::kReadOnly, "the metadata database is open for reading only");
    Writing& writing = *parts_->writing;
    TRY(const std::uint64_t ticket, writing.batcher.run(scope, first_keys, operation));
    if (commit == Commit::kVisible) return {};
    const Result<void> synced = writing.sync.wait(Scope{}, ticket);
    if (!synced) return Error(Code::kUnknownOutcome, "committed, but it may not be durable: " + synced.error().text());
    return {};
  }

  Result<void> read_operation(const Scope& scope, std::span<const Key> first_keys, Operation operation) override {
    TRY(const Gate::Visit visit, enter());
    if (scope.stop.stop_requested()) return Code::kInterrupted;
    if (scope.deadline <= scheduler_.clock().now()) return Code::kTimedOut;
    TRY(ReaderPool::Lease lease, parts_->readers.take(scope));
    TRY_OK(retry_while_busy(scheduler_, scope, rng_, observer_, [&lease] { return (*lease).begin_reading(); }));
    SqliteReader reader(*lease);
    ReadTxn txn(reader);
    Result<void> done = first_keys.empty() ? Result<void>() : txn.need(first_keys);
    if (done) done = operation(txn);
    (*lease).roll_back();
    return done;
  }

  Result<IdRange> reserve(const Scope& scope, IdKind kind, std::uint64_t count) override {
    return parts_->ids.take(scope, kind, count);
  }

  Result<void> sync(const Scope& scope) override {
    TRY(const Gate::Visit visit, enter());
    if (scope.stop.stop_requested()) return Code::kInterrupted;
    if (traits_.is_read_only) return {};
    return parts_->writing->sync.wait(scope, parts_->writing->sync.ticket());
  }

  std::shared_ptr<void> watch(std::function<void(std::span<const Key>)> changed) override {
    return parts_->watch.add(std::move(changed));
  }
  const EngineTraits& traits() const override { return traits_; }

  Result<void> close() override {
    if (::getpid() != owner_ || !gate_.close()) return {};
    Parts& parts = *parts_;
    Result<void> synced;
    if (parts.writing) synced = parts.writing->sync.wait(Scope{}, parts.writing->sync.ticket());
    parts.watch.close();
    if (parts.writing) parts.writing->checkpointer.close();
    parts.readers.close();
    parts.writing.reset();
    parts.database->close_writer();
    return synced;
  }

 private:
  struct Parts {
    Parts(std::unique_ptr<SqliteDatabase> opened, RecordEngine& engine, const EngineTraits& traits,
          EngineObserver* observer, Scheduler& scheduler, const SqliteTuning& tuning)
        : database(std::move(opened)),
          readers(
              scheduler, [this] { return database->connect(); }, tuning.readers_max),
          ids(scheduler, engine),
          writing(traits.is_read_only
                      ? nullptr
                      : std::make_unique<Writing>(scheduler, *database, readers, traits, observer, tuning)),
          watch(scheduler, *database, writing ? &writing->store : nullptr, tuning.watch_interval) {}

    const std::unique_ptr<SqliteDatabase> database;
    ReaderPool readers;
    IdPool ids;
    std::unique_ptr<Writing> writing;
    ChangeWatch watch;
  };

  Result<Gate::Visit> enter() {
    if (::getpid() != owner_)
      return Error(Code::kBadHandle, "the metadata engine was opened before this process was forked");
    return gate_.enter();
  }

  const pid_t owner_;
  Scheduler& scheduler_;
  EngineObserver* const observer_;
  const EngineTraits traits_;
  Rng rng_;
  Gate gate_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace

Result<std::unique_ptr<RecordEngine>> open_sqlite_engine(std::string_view rest, const OpenOptions& options,
                                                         Scheduler& scheduler, const SqliteTuning& tuning) {
  TRY(const SqliteLocation location, parse_sqlite_location(rest));
  TRY(std::unique_ptr<SqliteDatabase> database, SqliteDatabase::open(location, options, scheduler));
  return std::make_unique<SqliteEngine>(std::move(database), options, scheduler, tuning);
}

}  // namespace headrace::records
