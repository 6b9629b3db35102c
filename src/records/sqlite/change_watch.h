// SPDX-License-Identifier: Apache-2.0
// Tells watchers that another client has committed. SQLite cannot push, so the database's version is looked at from
// time to time, by one thread that lives only while there are watchers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <thread>

#include "base/event.h"
#include "records/keys.h"
#include "records/sqlite/database.h"
#include "records/sqlite/writer_store.h"

namespace headrace::records {

/// Thread-safe.
class ChangeWatch {
 public:
  using Callback = std::function<void(std::span<const Key>)>;

  /// `store` is nullptr for a database that this client does not write.
  ChangeWatch(Scheduler& scheduler, SqliteDatabase& database, WriterStore* store, Duration interval);
  ~ChangeWatch() { close(); }

  /// Until the object ends; when it has ended the callback is not running (unless it is the callback that ends it).
  /// Objects may outlive the watch.
  std::shared_ptr<void> add(Callback changed);
  /// Ends the thread; nobody is called any more. Idempotent.
  void close();

 private:
  struct Watchers;
  void run(const Scope& scope);
  void look(const Scope& scope);
  Result<void> settle(const Scope& scope);
  Result<bool> has_changed(const Scope& scope);
  Result<std::int64_t> version_now();

  Scheduler& scheduler_;
  SqliteDatabase& database_;
  WriterStore* const store_;
  const Duration interval_;
  const std::shared_ptr<Watchers> watchers_;

  // Of the thread, once it runs.
  std::unique_ptr<Connection> connection_;
  std::int64_t version_ = 0;
  std::uint64_t commits_ended_ = 0;  // before version_ was looked at
  bool is_settled_ = false;
  bool is_unsure_ = false;  // one of our commits may have hidden another's

  Mutex mutex_;
  bool is_started_ GUARDED_BY(mutex_) = false;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::jthread thread_ GUARDED_BY(mutex_);
};

}  // namespace headrace::records
