// SPDX-License-Identifier: Apache-2.0
// Connections and prepared statements.
#include "records/sqlite/connection.h"

#include <sqlite3.h>

#include <utility>

#include "base/check.h"
#include "records/sqlite/error.h"

namespace headrace::records {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

std::string Dialect::expand(std::string_view sql) const {
  std::string out;
  for (std::size_t i = 0; i < sql.size();) {
    if (sql[i] != '$' && sql[i] != '@') {
      out += sql[i++];
      continue;
    }
    std::size_t end = i + 1;
    while (end < sql.size() && is_word(sql[end])) ++end;
    const std::string word(sql.substr(i + 1, end - i - 1));
    if (sql[i] == '$')
      out += "`" + table(word) + "`";
    else
      out += missing_node_columns.contains(word) ? "0" : "n.`" + word + "`";
    i = end;
  }
  return out;
}

Query::Query(Query&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), refused_(other.refused_), bound_(other.bound_) {}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::integer(std::int64_t value) {
  sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}
Query& Query::blob(std::string_view bytes) {
  sqlite3_bind_blob64(statement_, ++bound_, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}
Query& Query::text(std::string_view bytes) {
  sqlite3_bind_text64(statement_, ++bound_, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}
Query& Query::null() {
  sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

Result<bool> Query::step() {
  if (statement_ == nullptr) return *refused_;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_error(sqlite3_db_handle(statement_), code, "metadata database");
}

Result<void> Query::run() {
  while (true) {
    TRY(const bool has_row, step());
    if (!has_row) return {};
  }
}

std::int64_t Query::integer_at(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Query::bytes_at(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<std::size_t>(size));
}

bool Query::is_null_at(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Access access, const Dialect& dialect) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  flags |= access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (access == Access::kCreate) flags |= SQLITE_OPEN_CREATE;
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  if (db == nullptr) return Code::kNoMemory;
  std::unique_ptr<Connection> connection(new Connection(db, dialect));
  if (code != SQLITE_OK) return sqlite_error(db, code, "open " + path);
  if (access != Access::kReadOnly && sqlite3_db_readonly(db, "main") == 1)
    return Error(Code::kReadOnly, "open " + path + ": may not be written");
  TRY_OK(connection->set_up());
  return connection;
}

Result<void> Connection::set_up() {
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_wal_autocheckpoint(db_, 0);
  return execute(
      "PRAGMA synchronous=NORMAL; PRAGMA mmap_size=0; PRAGMA secure_delete=FAST; PRAGMA temp_store=MEMORY; PRAGMA "
      "foreign_keys=OFF");
}

Connection::~Connection() {
  for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
  CHECK(sqlite3_close(db_) == SQLITE_OK);
}

Query Connection::query(Sql sql) {
  const auto [it, is_new] = statements_.try_emplace(sql.text, nullptr);
  if (it->second != nullptr) {
    CHECK(!sqlite3_stmt_busy(it->second));  // one use at a time
    return Query(it->second, &refused_);
  }
  const std::string text = dialect_.expand(sql.text);
  const int code = sqlite3_prepare_v3(db_, text.c_str(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT,
                                      &it->second, nullptr);
  if (code != SQLITE_OK) {
    refused_ = sqlite_error(db_, code, "metadata database");
    it->second = nullptr;
  }
  return Query(it->second, &refused_);
}

Result<void> Connection::execute(const std::string& sql) {
  const std::string text = dialect_.expand(sql);
  const int code = sqlite3_exec(db_, text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(db_, code, "metadata database");
  return {};
}

Result<void> Connection::begin_reading() {
  TRY_OK(query("BEGIN").run());
  // BEGIN alone takes no snapshot; the first read does.
  Query touch = query("SELECT 1 FROM sqlite_schema LIMIT 1");
  const Result<bool> touched = touch.step();
  if (touched) return {};
  roll_back();
  return touched.error();
}

void Connection::roll_back() {
  if (is_in_transaction()) (void)query("ROLLBACK").run();
}

bool Connection::is_in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

Result<std::int64_t> Connection::data_version() {
  unsigned version = 0;
  const int code = sqlite3_file_control(db_, "main", SQLITE_FCNTL_DATA_VERSION, &version);
  if (code != SQLITE_OK) return sqlite_error(db_, code, "metadata database");
  return static_cast<std::int64_t>(version);
}

}  // namespace headrace::records
