// SPDX-License-Identifier: Apache-2.0
// JuiceFS's tables.
#include "records/sqlite/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

namespace headrace::records {
namespace {

struct Column {
  std::string_view name, definition;
};
struct Index {
  std::string_view group;  // names the index, with the table
  std::string_view columns;
  bool is_unique = false;
};
struct Table {
  std::string_view name;
  std::vector<Column> columns;
  std::vector<Index> indexes;
  std::string_view primary_key;  // of several columns
};

constexpr std::string_view kInteger = "INTEGER NOT NULL", kMaybeInteger = "INTEGER NULL", kText = "TEXT NOT NULL",
                           kBlob = "BLOB NOT NULL", kMaybeBlob = "BLOB NULL", kRemainder = "INTEGER DEFAULT 0 NOT NULL",
                           kKey = "INTEGER PRIMARY KEY NOT NULL", kTextKey = "TEXT PRIMARY KEY NOT NULL",
                           kAutoKey = "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL";

// One table a row or two, as a table is read.
// clang-format off
std::vector<Table> all_tables() {
  return {
      {"setting", {{"name", kTextKey}, {"value", kText}}, {}, {}},
      {"counter", {{"name", kTextKey}, {"value", kInteger}}, {}, {}},
      {"edge",
       {{"id", kAutoKey}, {"parent", kInteger}, {"name", kBlob}, {"inode", kInteger}, {"type", kInteger}},
       {{"edge", "`parent`,`name`", true}, {"inode", "`inode`", false}},
       {}},
      {"node",
       {{"inode", kKey}, {"type", kInteger}, {"flags", kInteger}, {"mode", kInteger}, {"uid", kInteger}, {"gid", kInteger},
        {"atime", kInteger}, {"mtime", kInteger}, {"ctime", kInteger}, {"atimensec", kRemainder}, {"mtimensec", kRemainder},
        {"ctimensec", kRemainder}, {"nlink", kInteger}, {"length", kInteger}, {"rdev", kMaybeInteger}, {"parent", kMaybeInteger},
        {"access_acl_id", kMaybeInteger}, {"default_acl_id", kMaybeInteger}, {"tier_id", kMaybeInteger}},
       {},
       {}},
      {"symlink", {{"inode", kKey}, {"target", kBlob}}, {}, {}},
      {"xattr", {{"id", kAutoKey}, {"inode", kInteger}, {"name", kText}, {"value", kBlob}}, {{"name", "`inode`,`name`", true}}, {}},
      {"chunk", {{"id", kAutoKey}, {"inode", kInteger}, {"indx", kInteger}, {"slices", kBlob}}, {{"chunk", "`inode`,`indx`", true}}, {}},
      {"chunk_ref", {{"chunkid", kKey}, {"size", kInteger}, {"refs", kInteger}}, {{"refs", "`refs`", false}}, {}},
      {"delslices", {{"chunkid", kKey}, {"deleted", kInteger}, {"slices", kBlob}}, {}, {}},
      {"session2", {{"sid", kKey}, {"expire", kInteger}, {"info", kMaybeBlob}}, {}, {}},
      {"sustained", {{"id", kAutoKey}, {"sid", kInteger}, {"inode", kInteger}}, {{"sustained", "`sid`,`inode`", true}}, {}},
      {"delfile", {{"inode", kKey}, {"length", kInteger}, {"expire", kInteger}}, {}, {}},
      {"flock",
       {{"id", kAutoKey}, {"inode", kInteger}, {"sid", kInteger}, {"owner", kInteger}, {"ltype", kInteger}},
       {{"flock", "`inode`,`sid`,`owner`", true}},
       {}},
      {"plock",
       {{"id", kAutoKey}, {"inode", kInteger}, {"sid", kInteger}, {"owner", kInteger}, {"records", kBlob}},
       {{"plock", "`inode`,`sid`,`owner`", true}},
       {}},
      {"dir_quota",
       {{"inode", kKey}, {"max_space", kInteger}, {"max_inodes", kInteger}, {"used_space", kInteger}, {"used_inodes", kInteger}},
       {},
       {}},
      {"user_group_quota",
       {{"qtype", kInteger}, {"qkey", kInteger}, {"max_space", kInteger}, {"max_inodes", kInteger}, {"used_space", kInteger},
        {"used_inodes", kInteger}},
       {},
       "`qtype`,`qkey`"},
      {"dir_stats", {{"inode", kKey}, {"data_length", kInteger}, {"used_space", kInteger}, {"used_inodes", kInteger}}, {}, {}},
      {"detached_node", {{"inode", kKey}, {"added", kInteger}}, {}, {}},
      {"acl",
       {{"id", kAutoKey}, {"owner", kMaybeInteger}, {"group", kMaybeInteger}, {"mask", kMaybeInteger}, {"other", kMaybeInteger},
        {"named_users", kMaybeBlob}, {"named_groups", kMaybeBlob}},
       {},
       {}},
      {"delegation_token", {{"id", kAutoKey}, {"token", kMaybeBlob}}, {}, {}},
      {"change_log", {{"id", kAutoKey}, {"entry", kText}}, {}, {}},
  };
}
// clang-format on

std::string table_statement(const Table& table) {
  std::string columns;
  for (const Column& column : table.columns)
    columns += fmt::format("{}`{}` {}", columns.empty() ? "" : ", ", column.name, column.definition);
  if (!table.primary_key.empty()) columns += fmt::format(", PRIMARY KEY ( {} )", table.primary_key);
  return fmt::format("CREATE TABLE ${} ({})", table.name, columns);
}

std::string index_name(const Dialect& dialect, const Table& table, const Index& index) {
  return fmt::format("{}_{}_{}", index.is_unique ? "UQE" : "IDX", dialect.table(table.name), index.group);
}

std::string index_statement(const Dialect& dialect, const Table& table, const Index& index) {
  return fmt::format("CREATE {}INDEX `{}` ON ${} ({})", index.is_unique ? "UNIQUE " : "",
                     index_name(dialect, table, index), table.name, index.columns);
}

/// Without AUTOINCREMENT, which temporary tables have no use for.
std::string stand_in_statement(const Dialect& dialect, const Table& table) {
  std::string columns;
  for (const Column& column : table.columns) columns += fmt::format("{}`{}`", columns.empty() ? "" : ", ", column.name);
  return fmt::format("CREATE TEMP TABLE `{}` ({})", dialect.table(table.name), columns);
}

Result<std::set<std::string>> names_of(Connection& connection, const std::string& kind) {
  std::set<std::string> names;
  Query query = connection.query("SELECT name FROM main.sqlite_schema WHERE type=?1");
  query.text(kind);
  while (true) {
    TRY(const bool has_row, query.step());
    if (!has_row) return names;
    names.emplace(query.bytes_at(0));
  }
}

Result<std::set<std::string>> columns_of(Connection& connection, const std::string& table) {
  std::set<std::string> names;
  Query query = connection.query("SELECT name FROM pragma_table_info(?1, 'main')");
  query.text(table);
  while (true) {
    TRY(const bool has_row, query.step());
    if (!has_row) return names;
    names.emplace(query.bytes_at(0));
  }
}

Result<void> compare_columns(Connection& connection, const Table& table, SchemaGap& gap) {
  TRY(const std::set<std::string> columns, columns_of(connection, connection.dialect().table(table.name)));
  for (const Column& column : table.columns) {
    if (columns.contains(std::string(column.name))) continue;
    gap.statements.push_back(fmt::format("ALTER TABLE ${} ADD `{}` {}", table.name, column.name, column.definition));
    if (table.name == "node")
      gap.missing_node_columns.emplace_back(column.name);
    else
      gap.missing_elsewhere.push_back(fmt::format("{}.{}", connection.dialect().table(table.name), column.name));
  }
  return {};
}

/// Every volume has these; a database without them holds something else.
bool is_essential(const Table& table) {
  return table.name == "setting" || table.name == "counter" || table.name == "node" || table.name == "edge";
}

void note_other_tables(const std::set<std::string>& tables, SchemaGap& gap) {
  for (const std::string& name : tables) {
    if (!name.starts_with("jfs_") && !name.starts_with("sqlite_")) gap.foreign_table = name;
    if (name.starts_with("jfs_") && name.ends_with("_setting")) gap.other_prefix_table = name;
  }
}

Result<void> check_encoding(Connection& connection) {
  Query query = connection.query("PRAGMA encoding");
  TRY(const bool has_row, query.step());
  if (has_row && query.bytes_at(0) == "UTF-8") return {};
  return Error(Code::kVersion, "its text is not in UTF-8, as JuiceFS's is");
}

}  // namespace

std::vector<std::string> schema_statements(const Dialect& dialect) {
  std::vector<std::string> statements;
  for (const Table& table : all_tables()) {
    statements.push_back(table_statement(table));
    for (const Index& index : table.indexes) statements.push_back(index_statement(dialect, table, index));
  }
  return statements;
}

Result<SchemaGap> find_gap(Connection& connection) {
  TRY_OK(check_encoding(connection));
  const Dialect& dialect = connection.dialect();
  TRY(const std::set<std::string> tables, names_of(connection, "table"));
  TRY(const std::set<std::string> indexes, names_of(connection, "index"));
  SchemaGap gap;
  gap.has_volume = true;
  note_other_tables(tables, gap);
  for (const Table& table : all_tables()) {
    if (tables.contains(dialect.table(table.name))) {
      TRY_OK(compare_columns(connection, table, gap));
    } else {
      gap.statements.push_back(table_statement(table));
      gap.stand_ins.push_back(stand_in_statement(dialect, table));
      if (is_essential(table)) gap.has_volume = false;
    }
    for (const Index& index : table.indexes) {
      if (!indexes.contains(index_name(dialect, table, index)))
        gap.statements.push_back(index_statement(dialect, table, index));
    }
  }
  return gap;
}

Result<void> fill_gap(Connection& connection) {
  TRY_OK(connection.execute("BEGIN IMMEDIATE"));
  const auto fill = [&connection]() -> Result<void> {
    TRY(const SchemaGap gap, find_gap(connection));
    for (const std::string& statement : gap.statements) TRY_OK(connection.execute(statement));
    return connection.execute("COMMIT");
  };
  const Result<void> filled = fill();
  if (!filled) connection.roll_back();
  return filled;
}

}  // namespace headrace::records
