// SPDX-License-Identifier: Apache-2.0
// Databases, from a path to connections.
#include "records/sqlite/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "records/sqlite/busy.h"
#include "records/sqlite/schema.h"

namespace headrace::records {
namespace {

constexpr auto kOpenWait = std::chrono::seconds(10);
/// How large the log's file may stay once its content is in the database.
constexpr std::int64_t kLogBytesKept = 16 << 20;

std::string folder_of(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

/// So that a machine that loses power still has the names of the files that hold what was synced.
Result<void> sync_folder(const std::string& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || ::fsync(fd.get()) != 0) return errno_error(errno, "sync " + folder);
  return {};
}

bool may_be_missing(const std::string& column) {
  return column == "atimensec" || column == "mtimensec" || column == "ctimensec" || column == "access_acl_id" ||
         column == "default_acl_id" || column == "tier_id";
}

}  // namespace

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const SqliteLocation& location, const OpenOptions& options,
                                                             Scheduler& scheduler) {
  TRY_OK(check_file_system(location.path));
  const bool create = options.create && !options.read_only;
  if (!create && identity_of(location.path) == FileIdentity{})
    return Error(Code::kNotFound, "there is no metadata database " + location.path);
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(location, options));
  Rng rng(random_seed());
  const Scope scope{scheduler.clock().now() + kOpenWait, {}};
  TRY_OK(retry_while_busy(scheduler, scope, rng, options.observer, [&]() -> Result<void> {
    Result<void> opened = database->open_writer(create);
    if (!opened) return database->in_words(opened.error());
    return {};
  }));
  return database;
}

/// A read-only volume is opened for writing all the same where that is allowed, so that its last client can remove the
/// log.
Result<void> SqliteDatabase::open_writer(bool create) {
  writer_.reset();
  log_.reset();
  const bool may_write =
      ::access(location_.path.c_str(), W_OK) == 0 && ::access(folder_of(location_.path).c_str(), W_OK) == 0;
  access_ = create                        ? Connection::Access::kCreate
            : is_read_only_ && !may_write ? Connection::Access::kReadOnly
                                          : Connection::Access::kReadWrite;
  TRY(std::unique_ptr<Connection> connection, Connection::open(location_.path, access_, dialect_));
  access_ = access_ == Connection::Access::kCreate ? Connection::Access::kReadWrite : access_;
  TRY_OK(settle_schema(*connection, create));
  if (!is_read_only_) TRY_OK(use_log(*connection));
  TRY_OK(prepare(*connection));
  TRY_OK(connection->begin_reading());  // so that the log is there
  connection->roll_back();
  writer_ = std::move(connection);
  identity_ = identity_of(location_.path);
  return open_log();
}

Result<void> SqliteDatabase::settle_schema(Connection& connection, bool create) {
  dialect_.missing_node_columns.clear();
  on_connect_.clear();
  TRY(const SchemaGap gap, find_gap(connection));
  if (!gap.has_volume && !create) {
    std::string text =
        fmt::format("{} holds no JuiceFS volume: there is no table {}", location_.path, dialect_.table("setting"));
    if (!gap.other_prefix_table.empty())
      text += fmt::format(" (there is {}: is it another ?table_prefix)", gap.other_prefix_table);
    return Error(Code::kVersion, text);
  }
  if (!gap.has_volume && !gap.foreign_table.empty()) {
    return Error(Code::kVersion, fmt::format("{} is the database of something else: it has a table {}", location_.path,
                                             gap.foreign_table));
  }
  if (is_read_only_) return settle_missing(gap);
  if (gap.statements.empty()) return {};
  return fill_gap(connection);
}

/// Reading only, what an older client has not made yet is taken to be empty.
Result<void> SqliteDatabase::settle_missing(const SchemaGap& gap) {
  for (const std::string& column : gap.missing_node_columns) {
    if (!may_be_missing(column))
      return Error(Code::kVersion,
                   fmt::format("{}: its table {} has no column {}", location_.path, dialect_.table("node"), column));
    dialect_.missing_node_columns.insert(column);
  }
  if (!gap.missing_elsewhere.empty())
    return Error(Code::kVersion, fmt::format("{} has no column {}", location_.path, gap.missing_elsewhere.front()));
  on_connect_ = gap.stand_ins;
  on_connect_.push_back("PRAGMA query_only=ON");
  return {};
}

Result<void> SqliteDatabase::use_log(Connection& connection) {
  Query query = connection.query("PRAGMA journal_mode=WAL");
  TRY(const bool has_row, query.step());
  if (!has_row || query.bytes_at(0) != "wal") {
    return Error(Code::kNotSupported, fmt::format("{}: SQLite cannot keep a write-ahead log here", location_.path));
  }
  return {};
}

Result<void> SqliteDatabase::prepare(Connection& connection) const {
  for (const std::string& statement : on_connect_) TRY_OK(connection.execute(statement));
  return {};
}

Result<void> SqliteDatabase::open_log() {
  const std::string path = sqlite3_filename_wal(sqlite3_db_filename(writer_->handle(), "main"));
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    if (errno == ENOENT && is_read_only_) return {};  // not in that mode
    return errno_error(errno, "open " + path);
  }
  log_ = std::move(fd);
  if (is_read_only_) return {};
  TRY_OK(writer_->execute(fmt::format("PRAGMA cache_size=-16384; PRAGMA journal_size_limit={}", kLogBytesKept)));
  return sync_folder(folder_of(path));
}

Result<std::unique_ptr<Connection>> SqliteDatabase::connect() const {
  TRY(std::unique_ptr<Connection> connection, Connection::open(location_.path, access_, dialect_));
  TRY_OK(prepare(*connection));
  return connection;
}

void SqliteDatabase::close_writer() {
  if (!writer_) return;
  // Only who is alone gets the lock that this takes, so nobody else can touch the log meanwhile.
  sqlite3_db_config(writer_->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  writer_.reset();
  log_.reset();
}

Result<void> SqliteDatabase::check_identity() const {
  if (identity_of(location_.path) == identity_) return {};
  return Error(Code::kStale, fmt::format("{} is no longer the file that was opened: somebody replaced or removed it",
                                         location_.path));
}

Error SqliteDatabase::in_words(const Error& error) const {
  if (error.code == Code::kVersion && error.message.find(location_.path) == std::string::npos) {
    return Error(Code::kVersion, fmt::format("{} is not a JuiceFS database: {}", location_.path, error.text()));
  }
  return error;
}

}  // namespace headrace::records
