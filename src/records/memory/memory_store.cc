// SPDX-License-Identifier: Apache-2.0
// Records in maps.
#include "records/memory/memory_store.h"

#include <algorithm>
#include <utility>

#include "records/range.h"

namespace headrace::records {

Result<std::optional<Record>> MemoryStore::get(const Key& key) {
  const auto* link = std::get_if<ParentLinkKey>(&key);
  if (link != nullptr && links_are_derived_) {
    const auto names = names_of_.find(link->ino);
    if (names == names_of_.end()) return std::optional<Record>();
    const auto count = std::count_if(names->second.begin(), names->second.end(),
                                     [link](const EntryKey& name) { return name.parent == link->parent; });
    if (count == 0) return std::optional<Record>();
    return std::optional<Record>(static_cast<std::int64_t>(count));
  }
  const auto it = records_.find(key);
  return it == records_.end() ? std::optional<Record>() : std::optional<Record>(it->second);
}

/// visit(key, record) until it answers false.
template <class Visit>
void MemoryStore::walk_range(const Range& range, Visit visit) const {
  const auto* links = std::get_if<LinksTo>(&range);
  if (links == nullptr) {
    walk(records_, range,
         [&](auto it) { return !holds(range, it->first, it->second) || visit(it->first, it->second); });
    return;
  }
  if (links_are_derived_) {
    const auto names = names_of_.find(links->ino);
    if (names == names_of_.end()) return;
    for (const EntryKey& name : names->second) {
      const auto it = records_.find(Key(name));
      if (!visit(it->first, it->second)) return;
    }
    return;
  }
  for (auto it = records_.lower_bound(ParentLinkKey{links->ino, {}}); it != records_.end(); ++it) {
    const auto* link = std::get_if<ParentLinkKey>(&it->first);
    if (link == nullptr || link->ino != links->ino || !visit(it->first, it->second)) return;
  }
}

Result<bool> MemoryStore::is_empty(const Range& range) {
  bool found = false;
  walk_range(range, [&found](const Key&, const Record&) {
    found = true;
    return false;
  });
  return !found;
}

Result<Page> MemoryStore::scan(const Range& range, std::size_t limit) {
  Page page;
  const bool is_whole = std::holds_alternative<WholeVolume>(range);
  walk_range(range, [&](const Key& key, const Record& record) {
    // One more than the limit shows that there is more; for whole numbers the first that is beyond, in any case a
    // second number.
    if (page.items.size() > limit &&
        (!is_whole || page_number_of(page.items.front().key) != page_number_of(page.items.back().key)))
      return false;
    page.items.push_back({key, record});
    return true;
  });
  page.has_more = cut_page(range, limit, page.items);
  const auto* entries = std::get_if<EntriesOf>(&range);
  if (entries == nullptr || !entries->with_inodes) return page;
  std::vector<Item> both;
  for (Item& item : page.items) {
    const auto inode = records_.find(InodeKey{std::get<EntryRecord>(item.record).ino});
    both.push_back(std::move(item));
    if (inode != records_.end()) both.push_back({inode->first, inode->second});
  }
  page.items = std::move(both);
  return page;
}

void MemoryStore::apply(const ChangeSet& changes) {
  for (const auto& [key, change] : changes.changes()) {
    std::optional<Record> before;
    if (const auto it = records_.find(key); it != records_.end() && !change.is_final()) before = it->second;
    std::optional<Record> after = applied(key, change, std::move(before));
    if (after)
      put(key, *std::move(after));
    else
      erase(key);
  }
}

void MemoryStore::put(const Key& key, Record record) {
  index_entry(key, false);
  records_.insert_or_assign(key, std::move(record));
  index_entry(key, true);
}

void MemoryStore::erase(const Key& key) {
  index_entry(key, false);
  records_.erase(key);
}

void MemoryStore::index_entry(const Key& key, bool is_there) {
  const auto* name = std::get_if<EntryKey>(&key);
  if (name == nullptr) return;
  const auto record = records_.find(key);
  if (record == records_.end()) return;
  const Ino ino = std::get<EntryRecord>(record->second).ino;
  if (is_there) {
    names_of_[ino].insert(*name);
    return;
  }
  const auto names = names_of_.find(ino);
  if (names == names_of_.end()) return;
  names->second.erase(*name);
  if (names->second.empty()) names_of_.erase(names);
}

}  // namespace headrace::records
