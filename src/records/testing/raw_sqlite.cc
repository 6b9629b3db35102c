// SPDX-License-Identifier: Apache-2.0
// Plain SQLite.
#include "records/testing/raw_sqlite.h"

#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.h"

namespace headrace::records {

RawSqlite::RawSqlite(const std::string& path) {
  CHECK(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
  sqlite3_busy_timeout(db_, 10000);
}

RawSqlite::~RawSqlite() { sqlite3_close(db_); }

std::vector<std::string> RawSqlite::run(const std::string& sql) {
  std::vector<std::string> rows;
  for (const char* rest = sql.c_str(); *rest != '\0';) {
    sqlite3_stmt* statement = nullptr;
    CHECK(sqlite3_prepare_v2(db_, rest, -1, &statement, &rest) == SQLITE_OK);
    if (statement == nullptr) break;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
      std::string row;
      for (int column = 0; column < sqlite3_column_count(statement); ++column) {
        if (column > 0) row += '|';
        const void* data = sqlite3_column_blob(statement, column);
        if (data != nullptr)
          row.append(static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
      }
      rows.push_back(std::move(row));
    }
    CHECK(code == SQLITE_DONE);
    sqlite3_finalize(statement);
  }
  return rows;
}

int RawSqlite::attempt(const std::string& sql) { return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); }

std::string testdata(const std::string& name) {
  std::ifstream file(std::filesystem::path(HEADRACE_RECORDS_TESTDATA) / name, std::ios::binary);
  CHECK(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace headrace::records
