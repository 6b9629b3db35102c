// SPDX-License-Identifier: Apache-2.0
// One connection to a JuiceFS database, with its prepared statements. SQL is written where it is used, with `$name` for
// the table jfs_name (under the volume's prefix) and `@column` for a column of the node table (called n) that older
// volumes may lack.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace headrace::records {

/// How this volume's tables are called, and what they lack.
struct Dialect {
  std::string table_prefix = "jfs_";
  std::set<std::string> missing_node_columns;  // read as 0

  std::string table(std::string_view name) const { return table_prefix + std::string(name); }
  /// The text for SQLite.
  std::string expand(std::string_view sql) const;
};

/// A statement's text: a literal, whose address names it.
struct Sql {
  const char* text;
  consteval Sql(const char* literal) : text(literal) {}  // NOLINT
};

/// One use of a prepared statement; ends with the object. What is bound by reference must stay until then.
class Query {
 public:
  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  ~Query();

  /// The next parameter, in the order of ?1, ?2, …
  Query& integer(std::int64_t value);
  Query& blob(std::string_view bytes);
  Query& text(std::string_view bytes);
  Query& null();

  /// On to the next row: whether there is one. kBusy and others: see sqlite_error().
  Result<bool> step();
  /// Steps to the end.
  Result<void> run();

  // Columns of the row, from 0. Views are valid until the next step.
  std::int64_t integer_at(int column) const;
  /// Text and blobs alike, byte by byte. NULL is empty.
  std::string_view bytes_at(int column) const;
  bool is_null_at(int column) const;

 private:
  friend class Connection;
  Query(sqlite3_stmt* statement, Error* refused) : statement_(statement), refused_(refused) {}

  sqlite3_stmt* statement_;
  Error* refused_;  // of the connection: why the statement could not be prepared
  int bound_ = 0;
};

/// Used by one thread at a time.
class Connection {
 public:
  enum class Access { kReadOnly, kReadWrite, kCreate };

  /// Opens the file and says how we use it: no memory map, no automatic checkpoint, none on close, synchronous=NORMAL.
  /// `path` is absolute.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Access access, const Dialect& dialect);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// A prepared statement, ready to bind. A statement that cannot be prepared says why at its first step.
  Query query(Sql sql);
  /// Statements that are not kept, without parameters; `sql` is expanded as well.
  Result<void> execute(const std::string& sql);
  /// Opens a read transaction and its snapshot. kBusy: the database is being recovered or closed.
  Result<void> begin_reading();
  /// Ends whatever transaction is open, without a change.
  void roll_back();
  bool is_in_transaction() const;

  /// Changes with every commit: of this connection at once, of others when its next transaction begins.
  Result<std::int64_t> data_version();
  const Dialect& dialect() const { return dialect_; }
  sqlite3* handle() { return db_; }

 private:
  Connection(sqlite3* db, const Dialect& dialect) : db_(db), dialect_(dialect) {}
  Result<void> set_up();

  sqlite3* db_;
  const Dialect& dialect_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  Error refused_{Code::kIo};
};

}  // namespace headrace::records
