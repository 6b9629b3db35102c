// SPDX-License-Identifier: Apache-2.0
// Samples.
#include "records/testing/samples.h"

#include <algorithm>
#include <utility>

#include "records/range.h"

namespace headrace::records {
namespace {

Attr some_attr() {
  Attr attr;
  attr.type = FileType::kCharDevice;
  attr.flags = kFlagImmutable | kFlagSkipTrash;
  attr.mode = 07654;
  attr.uid = 4294967295u;
  attr.gid = 3000000000u;
  attr.atime = {1700000000, 123456789};
  attr.mtime = {0, 999999999};
  attr.ctime = {4102444800, 1};
  attr.nlink = 7;
  attr.length = 1ull << 56;
  attr.rdev = 0xFFFFFFFF;
  attr.parent = kTrashRoot;
  attr.access_acl = 3;
  attr.default_acl = 4;
  attr.tier = 2;
  return attr;
}

const std::string kOddBytes("a\0b\xFF\n'%", 7);

std::vector<Item> of_each_kind(bool first) {
  const Ino ino{kTrashRoot.value() + 5};
  const LockOwner owner{0xFEDCBA9876543210ull};
  const std::int64_t number = first ? 41 : -42;
  Attr attr = some_attr();
  if (!first) attr = Attr{};
  const SliceList slices = first ? SliceList{{1, SliceId{2}, 3, 4, 5}, {0, SliceId{0}, 0, 0, 6}}
                                 : SliceList{{9, SliceId{1ull << 50}, 0xFFFFFFFF, 7, 8}};
  return {
      {InodeKey{ino}, attr},
      {EntryKey{ino, kOddBytes}, EntryRecord{Ino{first ? 7u : 8u}, first ? FileType::kSocket : FileType::kDirectory}},
      {SlicesKey{ino, ChunkIndex{0xFFFFFFFF}}, slices},
      {SymlinkKey{ino}, SymlinkRecord{first ? kOddBytes : "x"}},
      {XattrKey{ino, "user.näme"}, XattrRecord{first ? kOddBytes : ""}},
      {SliceRefKey{SliceId{77}, 0xFFFFFFFF}, number},
      {DelayedSlicesKey{SliceId{78}},
       DelayedSlicesRecord{
           number, first ? std::vector<SliceRefKey>{{SliceId{1}, 2}, {SliceId{3}, 4}} : std::vector<SliceRefKey>{}}},
      {DeletedFileKey{ino}, DeletedFileRecord{first ? 1ull << 56 : 0, number}},
      {SessionKey{SessionId{79}}, SessionRecord{number, first ? "{\"HostName\":\"h\"}" : ""}},
      {SustainedKey{SessionId{79}, ino}, SustainedRecord{}},
      {FlockKey{ino, SessionId{79}, owner}, FlockRecord{first}},
      {PosixLockKey{ino, SessionId{79}, owner},
       first ? std::vector<LockRange>{{0, 1, 2, 3}, {1, 2, 5, 0x7FFFFFFFFFFFFFFF}}
             : std::vector<LockRange>{{0, 9, 0, 0}}},
      {DirStatsKey{ino}, DirStatsRecord{number, number * 4096, number + 1}},
      {DirQuotaKey{ino}, DirQuotaRecord{number, -1, 3, 4}},
      {DetachedKey{ino}, number},
      {CounterKey{"usedSpace"}, number},
      {SettingKey{}, SettingRecord{first ? "{\n\"Name\": \"ü\"\n}" : "{}"}},
      {AclKey{5},
       AclRecord{6, 4, static_cast<std::uint16_t>(first ? 0xFFFF : 7), 0, {{1001, 6}, {4294967295u, 7}}, {}}},
  };
}

std::string name_of(Rng& rng) {
  const char* names[] = {"a", "b", "c", "\xFF"};
  return names[rng.below(4)];
}

Attr attr_of(Rng& rng) {
  Attr attr;
  attr.type = static_cast<FileType>(1 + rng.below(7));
  attr.mode = static_cast<std::uint16_t>(rng.below(010000));
  attr.length = rng.below(1ull << 57);
  attr.mtime = {static_cast<std::int64_t>(rng.below(1ull << 33)), static_cast<std::uint32_t>(rng.below(1000000000))};
  return attr;
}

void change_locks(Rng& rng, ChangeSet& out) {
  const Ino ino{1 + rng.below(4)};
  const SessionId session{1 + rng.below(4)};
  const LockOwner owner{rng.below(2) == 0 ? 1 + rng.below(3) : ~rng.below(3)};
  switch (rng.below(6)) {
    case 0: return out.put(FlockKey{ino, session, owner}, FlockRecord{rng.below(2) == 0});
    case 1: return out.erase(FlockKey{ino, session, owner});
    case 2: return out.put(PosixLockKey{ino, session, owner}, std::vector<LockRange>{{1, 2, rng.below(9), 9}});
    case 3: return out.erase(PosixLockKey{ino, session, owner});
    case 4: return out.put(SustainedKey{session, ino}, SustainedRecord{});
    default: return out.erase(SustainedKey{session, ino});
  }
}

void change_slices(Rng& rng, ChangeSet& out) {
  const std::uint64_t number = 1 + rng.below(4);
  const SliceRefKey ref{SliceId{number}, 4096};
  const SlicesKey slices{Ino{1 + rng.below(4)}, ChunkIndex{static_cast<std::uint32_t>(rng.below(4))}};
  const SliceList list{{0, SliceId{number}, 10, 0, 10}, {4, SliceId{0}, 0, 0, 1}};
  switch (rng.below(8)) {
    case 0: return out.put(ref, static_cast<std::int64_t>(rng.below(3)));
    case 1: return out.erase(ref);
    case 2: return out.put(slices, list);
    case 3: return out.erase(slices);
    case 4: return out.put(DelayedSlicesKey{SliceId{number}}, DelayedSlicesRecord{7, {ref}});
    case 5: return out.append(slices, list);
    default: return out.add(ref, static_cast<std::int64_t>(rng.below(5)) - 2);
  }
}

void change_names(Rng& rng, ChangeSet& out) {
  const Ino ino{1 + rng.below(4)};
  switch (rng.below(9)) {
    case 0:
    case 1: return out.put(EntryKey{ino, name_of(rng)}, EntryRecord{Ino{1 + rng.below(4)}, FileType::kRegular});
    case 2: return out.erase(EntryKey{ino, name_of(rng)});
    case 3:
    case 4: return out.put(InodeKey{ino}, attr_of(rng));
    case 5: return out.erase(InodeKey{ino});
    case 6: return out.put(XattrKey{ino, name_of(rng)}, XattrRecord{name_of(rng)});
    case 7: return out.erase(XattrKey{ino, name_of(rng)});
    default: return out.put(SymlinkKey{ino}, SymlinkRecord{name_of(rng)});
  }
}

void change_numbers(Rng& rng, ChangeSet& out) {
  const std::uint64_t number = 1 + rng.below(4);
  const Ino ino{number};
  const auto delta = static_cast<std::int64_t>(rng.below(9)) - 4;
  switch (rng.below(9)) {
    case 0: return out.put(DirStatsKey{ino}, DirStatsRecord{1, 2, 3});
    case 1: return out.erase(DirStatsKey{ino});
    case 2:
    case 3: return out.add(DirStatsKey{ino}, DirStatsRecord{delta, 4096, 1});
    case 4: return out.put(CounterKey{name_of(rng)}, delta);
    case 5: return out.add(CounterKey{name_of(rng)}, delta);
    case 6: return out.put(DeletedFileKey{ino}, DeletedFileRecord{number, 5});
    case 7: return out.put(SessionKey{SessionId{number}}, SessionRecord{5, "{}"});
    default: return out.put(DetachedKey{ino}, delta);
  }
}

}  // namespace

std::vector<Item> one_of_each_kind() { return of_each_kind(true); }
std::vector<Item> another_of_each_kind() { return of_each_kind(false); }

std::vector<Range> all_ranges() {
  std::vector<Range> ranges;
  for (std::uint64_t n = 1; n < 5; ++n) {
    for (const bool with_inodes : {false, true}) {
      ranges.push_back(EntriesOf{Ino{n}, {}, with_inodes});
      ranges.push_back(EntriesOf{Ino{n}, "b", with_inodes});
    }
    ranges.push_back(SlicesOf{Ino{n}, ChunkIndex{0}, ChunkIndex{0xFFFFFFFF}});
    ranges.push_back(SlicesOf{Ino{n}, ChunkIndex{2}, ChunkIndex{2}});
    ranges.push_back(XattrsOf{Ino{n}});
    ranges.push_back(LinksTo{Ino{n}});
    ranges.push_back(FlocksOf{Ino{n}});
    ranges.push_back(PosixLocksOf{Ino{n}});
    ranges.push_back(SustainedOf{SessionId{n}});
    ranges.push_back(LocksHeldBy{SessionId{n}});
  }
  for (int what = 0; what <= static_cast<int>(Whole::kSymlinks); ++what) {
    for (const std::uint64_t after : {0, 2}) ranges.push_back(WholeVolume{static_cast<Whole>(what), after});
  }
  return ranges;
}

ChangeSet random_changes(Rng& rng, std::size_t count) {
  ChangeSet changes;
  for (std::size_t i = 0; i < count; ++i) {
    switch (rng.below(4)) {
      case 0: change_locks(rng, changes); break;
      case 1: change_slices(rng, changes); break;
      case 2: change_names(rng, changes); break;
      default: change_numbers(rng, changes); break;
    }
  }
  return changes;
}

void write_into(RecordTxn& txn, const ChangeSet& changes) {
  for (const auto& [key, change] : changes.changes()) {
    switch (change.kind) {
      case Change::Kind::kPut: txn.put(key, change.record); break;
      case Change::Kind::kErase: txn.erase(key); break;
      case Change::Kind::kAdd: txn.add(key, change.record); break;
      case Change::Kind::kAppend: txn.append(std::get<SlicesKey>(key), std::get<SliceList>(change.record)); break;
    }
  }
}

Result<std::vector<Item>> scan_to_end(RecordTxn& txn, Range range, std::size_t limit) {
  std::vector<Item> all;
  while (true) {
    TRY(const std::vector<Item> page, txn.scan(range, limit));
    all.insert(all.end(), page.begin(), page.end());
    auto* whole = std::get_if<WholeVolume>(&range);
    if (page.empty() || whole == nullptr || whole->what == Whole::kCounters) return all;
    whole->after_number = page_number_of(page.back().key);
  }
}

bool same(const std::vector<Item>& a, const std::vector<Item>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Item& x, const Item& y) { return x.key == y.key && x.record == y.record; });
}

std::string difference(const std::vector<Item>& a, const std::vector<Item>& b) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string left = i < a.size() ? describe(a[i].key) : "nothing";
    const std::string right = i < b.size() ? describe(b[i].key) : "nothing";
    if (left != right) return left + " against " + right;
    if (a[i].record != b[i].record) return left + " has another record";
  }
  return "none";
}

}  // namespace headrace::records
