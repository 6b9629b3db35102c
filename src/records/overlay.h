// SPDX-License-Identifier: Apache-2.0
// The transactions of engines that run operations near their store: what an operation wrote lies over what earlier
// operations of the same batch wrote, and both lie over the committed state.
#pragma once

#include "records/change.h"
#include "records/reader.h"
#include "records/txn.h"

namespace headrace::records {

/// A transaction whose writes go to `own`. Reading sees own, else batch, else committed; so do listings. Not
/// thread-safe.
class OverlayTxn final : public RecordTxn {
 public:
  OverlayTxn(RecordReader& committed, const ChangeSet& batch, ChangeSet& own, const EngineTraits& traits)
      : committed_(committed), batch_(batch), own_(own), traits_(traits) {}

  Result<void> need(std::span<const Key> keys) override { return committed_.need(keys); }
  Result<std::optional<Record>> get(const Key& key) override;
  Result<bool> is_empty(const Range& range) override;
  Result<std::vector<Item>> scan(const Range& range, std::size_t limit) override;
  void put(Key key, Record record) override;
  void erase(Key key) override;
  void add(Key key, Record delta) override;
  void append(SlicesKey key, std::span<const Slice> slices) override;

 private:
  /// What is derived from other records (EngineTraits::links_are_derived) cannot be written.
  bool is_derived(const Key& key) const {
    return traits_.links_are_derived && std::holds_alternative<ParentLinkKey>(key);
  }
  Result<std::optional<Record>> count_links(const ParentLinkKey& key);
  ChangeSet::Map changes_in(const Range& range) const;
  Result<std::vector<Item>> scan_changed(const Range& range, std::size_t limit, const ChangeSet::Map& changes);
  Result<void> change_page(const Range& range, const ChangeSet::Map& changes, const Page& page,
                           std::map<Key, Record>& rows);
  Result<std::vector<Item>> with_inodes(std::vector<Item> entries, const std::map<Ino, Attr>& committed);

  RecordReader& committed_;
  const ChangeSet& batch_;
  ChangeSet& own_;
  const EngineTraits& traits_;
};

/// A transaction that only reads. Writing is our own mistake (CHECK).
class ReadTxn final : public RecordTxn {
 public:
  explicit ReadTxn(RecordReader& committed) : committed_(committed) {}
  Result<void> need(std::span<const Key> keys) override { return committed_.need(keys); }
  Result<std::optional<Record>> get(const Key& key) override { return committed_.get(key); }
  Result<bool> is_empty(const Range& range) override { return committed_.is_empty(range); }
  Result<std::vector<Item>> scan(const Range& range, std::size_t limit) override;
  void put(Key key, Record record) override;
  void erase(Key key) override;
  void add(Key key, Record delta) override;
  void append(SlicesKey key, std::span<const Slice> slices) override;

 private:
  RecordReader& committed_;
};

}  // namespace headrace::records
