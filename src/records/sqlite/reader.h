// SPDX-License-Identifier: Apache-2.0
// Records out of JuiceFS's tables.
#pragma once

#include "records/reader.h"
#include "records/sqlite/connection.h"

namespace headrace::records {

/// Reads what the connection's open transaction sees.
class SqliteReader final : public RecordReader {
 public:
  explicit SqliteReader(Connection& connection) : connection_(connection) {}
  Result<std::optional<Record>> get(const Key& key) override;
  Result<bool> is_empty(const Range& range) override;
  Result<Page> scan(const Range& range, std::size_t limit) override;

 private:
  Connection& connection_;
};

}  // namespace headrace::records
