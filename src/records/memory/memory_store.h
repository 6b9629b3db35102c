// SPDX-License-Identifier: Apache-2.0
// Records in maps: the store of the memory engine, and of any engine that first loads all it has.
#pragma once

#include <map>
#include <set>

#include "records/change.h"
#include "records/reader.h"

namespace headrace::records {

/// Not thread-safe: reading and reading may overlap, changing and anything else may not.
class MemoryStore final : public RecordReader {
 public:
  /// `links_are_derived`: parents of hard links come from the entries. If not, they are records of their own.
  explicit MemoryStore(bool links_are_derived) : links_are_derived_(links_are_derived) {}

  Result<std::optional<Record>> get(const Key& key) override;
  Result<bool> is_empty(const Range& range) override;
  Result<Page> scan(const Range& range, std::size_t limit) override;

  void apply(const ChangeSet& changes);
  void put(const Key& key, Record record);
  void erase(const Key& key);

 private:
  template <class Visit>
  void walk_range(const Range& range, Visit visit) const;
  void index_entry(const Key& key, bool is_there);

  const bool links_are_derived_;
  std::map<Key, Record> records_;
  std::map<Ino, std::set<EntryKey>> names_of_;  // every entry that names an inode
};

}  // namespace headrace::records
