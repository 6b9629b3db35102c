// SPDX-License-Identifier: Apache-2.0
// What an engine must be able to read: the face between an engine's store and the transactions that are built over it.
// Used inside this room.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "records/keys.h"

namespace headrace::records {

/// Rows of a range, in ascending order of their keys; `has_more`: it goes on behind them.
struct Page {
  std::vector<Item> items;
  bool has_more = false;
};

/// One state of a store; it does not change while a transaction reads it. Used by one thread at a time.
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  /// Loads what will be asked for, if that is cheaper together.
  virtual Result<void> need(std::span<const Key>) { return {}; }
  /// The record or nothing. kDamaged: there are bytes, and they are no such record.
  virtual Result<std::optional<Record>> get(const Key& key) = 0;
  virtual Result<bool> is_empty(const Range& range) = 0;
  /// At most `limit` rows, as keys.h describes each range. kDamaged as get().
  virtual Result<Page> scan(const Range& range, std::size_t limit) = 0;
};

}  // namespace headrace::records
