// SPDX-License-Identifier: Apache-2.0
// Changes over a committed state.
#include "records/overlay.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "records/range.h"

namespace headrace::records {

Result<std::optional<Record>> OverlayTxn::get(const Key& key) {
  if (is_derived(key)) return count_links(std::get<ParentLinkKey>(key));
  const Change* own = own_.find(key);
  const Change* batch = own != nullptr && own->is_final() ? nullptr : batch_.find(key);
  std::optional<Record> found;
  if (!(own != nullptr && own->is_final()) && !(batch != nullptr && batch->is_final())) {
    TRY(found, committed_.get(key));
  }
  if (batch != nullptr) found = applied(key, *batch, std::move(found));
  if (own != nullptr) found = applied(key, *own, std::move(found));
  return found;
}

/// The committed count, corrected by every entry of that directory that was written since.
Result<std::optional<Record>> OverlayTxn::count_links(const ParentLinkKey& key) {
  TRY(const std::optional<Record> before, committed_.get(Key(key)));
  std::int64_t count = before ? std::get<std::int64_t>(*before) : 0;
  for (const auto& [entry, change] : changes_in(EntriesOf{key.parent, {}, false})) {
    TRY(const std::optional<Record> old, committed_.get(entry));
    if (old && std::get<EntryRecord>(*old).ino == key.ino) --count;
    if (change.kind == Change::Kind::kPut && std::get<EntryRecord>(change.record).ino == key.ino) ++count;
  }
  if (count <= 0) return std::optional<Record>();
  return std::optional<Record>(count);
}

Result<bool> OverlayTxn::is_empty(const Range& range) {
  const ChangeSet::Map changes = changes_in(range);
  if (changes.empty()) return committed_.is_empty(range);
  TRY(const std::vector<Item> found, scan_changed(range, 1, changes));
  return found.empty();
}

Result<std::vector<Item>> OverlayTxn::scan(const Range& range, std::size_t limit) {
  const ChangeSet::Map changes = changes_in(range);
  const auto* entries = std::get_if<EntriesOf>(&range);
  if (changes.empty() && !(entries != nullptr && entries->with_inodes)) {
    TRY(Page page, committed_.scan(range, limit));
    return std::move(page.items);
  }
  return scan_changed(range, limit, changes);
}

ChangeSet::Map OverlayTxn::changes_in(const Range& range) const {
  ChangeSet both;
  for (const ChangeSet* layer : {&batch_, static_cast<const ChangeSet*>(&own_)}) {
    ChangeSet part;
    walk(layer->changes(), range, [&part](auto it) {
      part.change(it->first, it->second);
      return true;
    });
    both.merge(std::move(part));
  }
  return both.changes();
}

/// Enough committed rows are read that `limit` are left when every change took one away; a list of the whole volume
/// goes on to its next page when nothing of one is left.
Result<std::vector<Item>> OverlayTxn::scan_changed(const Range& range, std::size_t limit,
                                                   const ChangeSet::Map& changes) {
  Range rest = range;
  const auto* entries = std::get_if<EntriesOf>(&range);
  while (true) {
    TRY(Page page,
        committed_.scan(rest, std::min(limit, std::numeric_limits<std::size_t>::max() / 2) + changes.size()));
    std::map<Key, Record> rows;
    std::map<Ino, Attr> inodes;
    for (Item& item : page.items) {
      const auto* inode = std::get_if<InodeKey>(&item.key);
      if (entries != nullptr && inode != nullptr)
        inodes.emplace(inode->ino, std::get<Attr>(item.record));
      else
        rows.emplace(item.key, item.record);
    }
    TRY_OK(change_page(range, changes, page, rows));
    std::vector<Item> items;
    for (auto& [key, record] : rows) items.push_back({key, std::move(record)});
    cut_page(range, limit, items);
    auto* whole = std::get_if<WholeVolume>(&rest);
    if (items.empty() && page.has_more && whole != nullptr) {
      whole->after_number = page_number_of(page.items.back().key);
      continue;
    }
    if (entries != nullptr && entries->with_inodes) return with_inodes(std::move(items), inodes);
    return items;
  }
}

Result<void> OverlayTxn::change_page(const Range& range, const ChangeSet::Map& changes, const Page& page,
                                     std::map<Key, Record>& rows) {
  const auto* whole = std::get_if<WholeVolume>(&range);
  for (const auto& [key, change] : changes) {
    if (whole != nullptr && page.has_more && page_number_of(key) > page_number_of(page.items.back().key)) continue;
    std::optional<Record> before;
    if (const auto it = rows.find(key); it != rows.end())
      before = it->second;
    else if (!change.is_final()) {
      TRY(before, committed_.get(key));
    }
    std::optional<Record> after = applied(key, change, std::move(before));
    if (after && holds(range, key, *after))
      rows.insert_or_assign(key, *std::move(after));
    else
      rows.erase(key);
  }
  return {};
}

Result<std::vector<Item>> OverlayTxn::with_inodes(std::vector<Item> entries, const std::map<Ino, Attr>& committed) {
  std::vector<Item> out;
  for (Item& entry : entries) {
    const InodeKey inode{std::get<EntryRecord>(entry.record).ino};
    out.push_back(std::move(entry));
    const bool is_changed = own_.find(Key(inode)) != nullptr || batch_.find(Key(inode)) != nullptr;
    if (const auto it = committed.find(inode.ino); !is_changed && it != committed.end()) {
      out.push_back({inode, it->second});
      continue;
    }
    const Result<std::optional<Record>> found = get(Key(inode));
    if (!found && found.code() != Code::kDamaged) return found.error();
    if (found && *found) out.push_back({inode, **found});
  }
  return out;
}

void OverlayTxn::put(Key key, Record record) {
  if (!is_derived(key)) own_.put(std::move(key), std::move(record));
}
void OverlayTxn::erase(Key key) {
  if (!is_derived(key)) own_.erase(std::move(key));
}
void OverlayTxn::add(Key key, Record delta) {
  if (!is_derived(key)) own_.add(std::move(key), std::move(delta));
}
void OverlayTxn::append(SlicesKey key, std::span<const Slice> slices) { own_.append(key, slices); }

Result<std::vector<Item>> ReadTxn::scan(const Range& range, std::size_t limit) {
  TRY(Page page, committed_.scan(range, limit));
  return std::move(page.items);
}

namespace {
constexpr bool kAReadingOperationWrites = false;
}
void ReadTxn::put(Key, Record) { CHECK(kAReadingOperationWrites); }
void ReadTxn::erase(Key) { CHECK(kAReadingOperationWrites); }
void ReadTxn::add(Key, Record) { CHECK(kAReadingOperationWrites); }
void ReadTxn::append(SlicesKey, std::span<const Slice>) { CHECK(kAReadingOperationWrites); }

}  // namespace headrace::records
