// SPDX-License-Identifier: Apache-2.0
// What commands print: tables for people, JSON documents for programs. JSON is the promise: members are added, not
// renamed; each document says "apiVersion" and its "kind".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/function_ref.h"
#include "cli/outcome.h"
#include "cli/terminal.h"

namespace headrace::cli {

/// Columns in kubectl's look: upper-case headers, two spaces between, no borders, "<none>" for nothing.
class Table {
 public:
  explicit Table(std::vector<std::string> headers);
  /// As many cells as there are headers. Control characters are made harmless.
  void add_row(std::vector<std::string> cells);
  bool is_empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

/// "Name:   value" lines, the values in one column.
class Fields {
 public:
  void add(std::string name, std::string value);
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

/// {"apiVersion": "headrace/v1", "kind": kind}
nlohmann::ordered_json new_document(std::string_view kind);
/// Writes a document with indents, or (`one_line`) as a line of JSON lines. Bytes that are no UTF-8 become U+FFFD.
void print_json(Terminal& terminal, const nlohmann::ordered_json& document, bool one_line = false);

/// Runs a body that takes members out of documents from elsewhere. A member of another kind than expected is a failure
/// (Exit::kDamaged) that names `whose` document it was.
Outcome read_json(std::string_view whose, FunctionRef<Outcome()> body);

/// RFC 3339 in UTC, whole seconds: "2026-11-22T10:00:00Z".
std::string format_time(std::int64_t unix_seconds);
/// 1234567 → "1,234,567".
std::string format_count(std::uint64_t count);

}  // namespace headrace::cli
