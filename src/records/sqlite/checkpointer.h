// SPDX-License-Identifier: Apache-2.0
// Brings the write-ahead log into the database, so that it stays short.
//
// SQLite before 3.51.3 can lose pages when one connection resets the log while another is about to bring it in a second
// time. So no connection of ours does it on its own; here it is done by one process of this machine at a time (a lock
// file beside the database), with the database's write lock held, so that nobody can reset the log meanwhile, and never
// twice within 100 ms. The lock has a second use, with newer versions too: no commit comes between, so all of the log
// can be brought in, and the next commit begins it anew.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "base/event.h"
#include "base/fd.h"
#include "records/sqlite/database.h"
#include "records/sqlite/reader_pool.h"
#include "records/sqlite/writer_store.h"

namespace headrace::records {

/// Whether the linked SQLite has that fault. The guard is kept in any case.
bool sqlite_needs_guard();
/// The version of the linked SQLite, for people: "3.40.1".
const char* sqlite_version();

struct CheckpointPolicy {
  std::uint64_t log_pages = (4 << 20) / 4096;        // brought in when so many pages wait
  Duration apart = std::chrono::milliseconds(100);   // between two, of all processes
  Duration after_partial = std::chrono::seconds(1);  // when somebody still reads what the log replaces
};

/// Thread-safe. Has a thread of its own.
class Checkpointer {
 public:
  Checkpointer(Scheduler& scheduler, SqliteDatabase& database, ReaderPool& readers, EngineObserver* observer,
               CheckpointPolicy policy);
  ~Checkpointer() { close(); }

  /// Begins; needs the store, which tells how long the log is.
  void start(WriterStore& store);
  /// How many pages the log has now.
  void note_log_pages(std::uint64_t pages);
  /// Ends the thread. Idempotent.
  void close();

  struct Outcome {
    std::uint64_t log_pages = 0, copied_pages = 0;
  };
  /// Once, now. kWouldBlock: another process is at it.
  Result<Outcome> run_once(const Scope& scope);

 private:
  void run(const Scope& scope);
  Result<bool> take_lock_file();
  bool is_long();
  Result<Outcome> copy(const Scope& scope);

  Scheduler& scheduler_;
  SqliteDatabase& database_;
  ReaderPool& readers_;
  EngineObserver* const observer_;
  const CheckpointPolicy policy_;
  WriterStore* store_ = nullptr;

  // Of the thread, and of run_once().
  UniqueFd lock_file_;
  std::unique_ptr<Connection> connection_;
  Moment patient_again_{};  // no long wait for readers before

  Mutex mutex_;
  std::uint64_t pages_ GUARDED_BY(mutex_) = 0;   // in the log
  std::uint64_t copied_ GUARDED_BY(mutex_) = 0;  // of them, in the database already
  std::unique_ptr<Event> grew_;
  std::jthread thread_;
};

}  // namespace headrace::records
