// SPDX-License-Identifier: Apache-2.0
// What a transaction wrote: for each key one change, composed of all that was done to it in order. A change over a
// state that nobody read (add, append) stays what it is until it meets a record.
#pragma once

#include <map>
#include <optional>
#include <span>

#include "records/keys.h"

namespace headrace::records {

struct Change {
  enum class Kind { kPut, kErase, kAdd, kAppend };
  Kind kind = Kind::kErase;
  Record record;  // kPut: the record; kAdd: what is added; kAppend: the SliceList that comes behind

  /// Whether what was there before does not matter.
  bool is_final() const { return kind == Kind::kPut || kind == Kind::kErase; }
};

/// What is there after `change`, when `before` was there.
std::optional<Record> applied(const Key& key, const Change& change, std::optional<Record> before);

/// Changes by key, in the order of keys. Not thread-safe.
class ChangeSet {
 public:
  using Map = std::map<Key, Change>;

  /// Records of the wrong kind for their key, and adding to what cannot be added to, are our own mistakes (CHECK).
  void put(Key key, Record record);
  void erase(Key key);
  void add(Key key, Record delta);
  void append(SlicesKey key, std::span<const Slice> slices);
  /// A change composed elsewhere happens after what is here.
  void change(Key key, Change change);
  /// Everything of `later` happens after everything here.
  void merge(ChangeSet&& later);

  const Change* find(const Key& key) const;
  const Map& changes() const { return changes_; }
  bool is_empty() const { return changes_.empty(); }

 private:
  Map changes_;
};

}  // namespace headrace::records
