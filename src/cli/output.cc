// SPDX-License-Identifier: Apache-2.0
// Tables and documents.
#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

#include <nlohmann/json.hpp>

#include "base/check.h"

namespace headrace::cli {
namespace {

/// How many places of the screen a text takes, for UTF-8 without wide letters.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void pad(std::string& line, std::string_view cell, std::size_t width) {
  line += cell;
  const std::size_t has = width_of(cell);
  if (has < width) line.append(width - has, ' ');
}

void append_row(std::string& out, const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += "  ";
    pad(line, cells[i], i + 1 < cells.size() ? widths[i] : 0);
  }
  out += line + "\n";
}

}  // namespace

Table::Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}

void Table::add_row(std::vector<std::string> cells) {
  CHECK(cells.size() == headers_.size());
  for (std::string& cell : cells) cell = cell.empty() ? "<none>" : printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const std::string& header : headers_) widths.push_back(width_of(header));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  append_row(out, headers_, widths);
  for (const auto& row : rows_) append_row(out, row, widths);
  return out;
}

void Fields::add(std::string name, std::string value) { lines_.emplace_back(std::move(name), printable(value)); }

std::string Fields::text() const {
  std::size_t width = 0;
  for (const auto& [name, value] : lines_) width = std::max(width, width_of(name) + 1);
  std::string out;
  for (const auto& [name, value] : lines_) {
    std::string line;
    pad(line, name + ":", width);
    out += line + "  " + (value.empty() ? "<none>" : value) + "\n";
  }
  return out;
}

nlohmann::ordered_json new_document(std::string_view kind) {
  nlohmann::ordered_json document;
  document["apiVersion"] = "headrace/v1";
  document["kind"] = kind;
  return document;
}

void print_json(Terminal& terminal, const nlohmann::ordered_json& document, bool one_line) {
  terminal.out(document.dump(one_line ? -1 : 2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

Outcome read_json(std::string_view whose, FunctionRef<Outcome()> body) {
  try {
    return body();
  } catch (const nlohmann::json::exception&) {
    return fail(Exit::kDamaged, fmt::format("{} sent members of another kind than expected", whose));
  }
}

std::string format_time(std::int64_t unix_seconds) {
  const std::time_t seconds = unix_seconds;
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(unix_seconds);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

}  // namespace headrace::cli
