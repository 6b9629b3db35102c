// SPDX-License-Identifier: Apache-2.0
// SQLite as another client would use it: for what an engine under test must not do itself.
#pragma once

#include <string>
#include <vector>

struct sqlite3;

namespace headrace::records {

/// A connection with SQLite's own defaults. Failing is a CHECK.
class RawSqlite {
 public:
  explicit RawSqlite(const std::string& path);
  ~RawSqlite();
  RawSqlite(const RawSqlite&) = delete;
  RawSqlite& operator=(const RawSqlite&) = delete;

  /// Runs statements; their rows, one text for each, columns joined by '|', blobs as they are.
  std::vector<std::string> run(const std::string& sql);
  /// The result code of statements that may fail.
  int attempt(const std::string& sql);

 private:
  sqlite3* db_ = nullptr;
};

/// The text of a file in src/records/testdata.
std::string testdata(const std::string& name);

}  // namespace headrace::records
