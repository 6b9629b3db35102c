// SPDX-License-Identifier: Apache-2.0
// The tables of a volume in SQLite, in exactly the words that JuiceFS stores (juicefs-volume-format, section 4.2): its
// own client parses that text, and adds what is missing at every session start, as we do.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "records/sqlite/connection.h"

namespace headrace::records {

/// The statements that make all tables and indexes, in order, `$name` for tables.
std::vector<std::string> schema_statements(const Dialect& dialect);

/// What a database lacks of it.
struct SchemaGap {
  bool has_volume = false;              // the tables that every volume has are there
  std::vector<std::string> statements;  // that would make up for it
  std::vector<std::string> missing_node_columns;
  std::vector<std::string> missing_elsewhere;  // "table.column", other than of the node table
  std::vector<std::string> stand_ins;          // statements that make empty temporary tables in place of missing ones
  std::string foreign_table;                   // a table of something else; empty: none
  std::string other_prefix_table;              // a setting table under another prefix; empty: none
};

/// Compares the database with what it should hold. kVersion: no database, or not in UTF-8.
Result<SchemaGap> find_gap(Connection& connection);

/// Makes up for a gap in one transaction; another client may have done so meanwhile. kBusy: another client writes.
Result<void> fill_gap(Connection& connection);

}  // namespace headrace::records
