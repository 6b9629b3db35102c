// SPDX-License-Identifier: Apache-2.0
// Opening a volume's database: whether it is one, what it lacks, and how its connections are made.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/rng.h"
#include "base/scope.h"
#include "records/sqlite/connection.h"
#include "records/sqlite/location.h"
#include "records/txn.h"

namespace headrace::records {

/// What is open of one database. Connections made here refer to it.
class SqliteDatabase {
 public:
  /// Opens the file and one connection, makes or completes the tables unless it is read-only, switches it to the
  /// write-ahead log. kNotFound: there is none and `create` is off. kVersion: not a JuiceFS database, with the
  /// sentence. kNotSupported: see check_file_system(). kReadOnly: may not be written. kTimedOut: others held its locks
  /// for ten seconds.
  static Result<std::unique_ptr<SqliteDatabase>> open(const SqliteLocation& location, const OpenOptions& options,
                                                      Scheduler& scheduler);

  ~SqliteDatabase() { close_writer(); }

  /// One more connection. kBusy and others: see sqlite_error().
  Result<std::unique_ptr<Connection>> connect() const;
  /// The first connection, which writes.
  Connection& writer() { return *writer_; }
  /// Closes the first connection; all others are closed already. The last client of all brings the log into the
  /// database and removes it.
  void close_writer();

  const SqliteLocation& location() const { return location_; }
  bool is_read_only() const { return is_read_only_; }
  /// The log, to make it durable: SQLite keeps no locks on it, and it is never replaced while a connection is open. -1:
  /// none.
  int log_fd() const { return log_.get(); }
  /// kStale: the path no longer names the file that is open.
  Result<void> check_identity() const;

 private:
  SqliteDatabase(SqliteLocation location, const OpenOptions& options)
      : location_(std::move(location)), is_read_only_(options.read_only) {
    dialect_.table_prefix = location_.table_prefix;
  }
  Result<void> open_writer(bool create);
  Result<void> settle_schema(Connection& connection, bool create);
  Result<void> settle_missing(const struct SchemaGap& gap);
  Result<void> use_log(Connection& connection);
  Result<void> open_log();
  Result<void> prepare(Connection& connection) const;
  Error in_words(const Error& error) const;

  const SqliteLocation location_;
  const bool is_read_only_;
  Connection::Access access_ = Connection::Access::kReadWrite;
  Dialect dialect_;
  std::vector<std::string> on_connect_;  // statements that every connection begins with
  std::unique_ptr<Connection> writer_;
  UniqueFd log_;
  FileIdentity identity_;
};

}  // namespace headrace::records
