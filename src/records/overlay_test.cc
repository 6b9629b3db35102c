// SPDX-License-Identifier: Apache-2.0
// A transaction over a batch over a store must read exactly as if everything had been committed.
#include "records/overlay.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "records/change.h"
#include "records/memory/memory_store.h"
#include "records/range.h"

namespace headrace::records {
namespace {

const EngineTraits kTraits{"test", false, true};

/// Few numbers and names, so that changes meet each other.
std::uint64_t any_number() { return *rc::gen::inRange<std::uint64_t>(1, 5); }
std::string any_name() { return std::string(1, *rc::gen::element('a', 'b', 'c', '\xFF')); }

void change_anything(ChangeSet& out) {
  const Ino ino{any_number()};
  const std::int64_t delta = *rc::gen::inRange<std::int64_t>(-2, 3);
  const SliceRefKey ref{SliceId{any_number()}, 4096};
  const SlicesKey slices{ino, ChunkIndex{static_cast<std::uint32_t>(any_number())}};
  const SliceList list{{0, SliceId{any_number()}, 10, 0, 10}};
  switch (*rc::gen::inRange(0, 16)) {
    case 0: return out.put(EntryKey{ino, any_name()}, EntryRecord{Ino{any_number()}, FileType::kRegular});
    case 1: return out.erase(EntryKey{ino, any_name()});
    case 2: {
      Attr attr;
      attr.length = any_number();
      return out.put(InodeKey{ino}, attr);
    }
    case 3: return out.erase(InodeKey{ino});
    case 4: return out.add(ref, delta);
    case 5: return out.put(ref, delta);
    case 6: return out.erase(ref);
    case 7: return out.append(slices, list);
    case 8: return out.put(slices, list);
    case 9: return out.erase(slices);
    case 10: return out.add(DirStatsKey{ino}, DirStatsRecord{delta, 4096, 1});
    case 11: return out.put(DirStatsKey{ino}, DirStatsRecord{});
    case 12: return out.add(CounterKey{any_name()}, delta);
    case 13: return out.put(FlockKey{ino, SessionId{any_number()}, LockOwner{any_number()}}, FlockRecord{});
    case 14: return out.put(PosixLockKey{ino, SessionId{any_number()}, LockOwner{any_number()}}, std::vector<LockRange>{{1, 2, 3, 4}});
    default: return out.put(SustainedKey{SessionId{any_number()}, ino}, SustainedRecord{});
  }
}

ChangeSet any_changes(int count_max) {
  ChangeSet changes;
  for (int i = *rc::gen::inRange(0, count_max); i > 0; --i) change_anything(changes);
  return changes;
}

std::vector<Range> all_ranges() {
  std::vector<Range> ranges;
  for (std::uint64_t n = 1; n < 5; ++n) {
    for (const bool with_inodes : {false, true}) {
      ranges.push_back(EntriesOf{Ino{n}, {}, with_inodes});
      ranges.push_back(EntriesOf{Ino{n}, "b", with_inodes});
    }
    ranges.push_back(SlicesOf{Ino{n}, ChunkIndex{0}, ChunkIndex{0xFFFFFFFF}});
    ranges.push_back(SlicesOf{Ino{n}, ChunkIndex{2}, ChunkIndex{3}});
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

bool same(const std::vector<Item>& a, const std::vector<Item>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Item& x, const Item& y) { return x.key == y.key && x.record == y.record; });
}

/// Whole lists come in pages whose length may differ; all pages together may not.
Result<std::vector<Item>> all_of(RecordTxn& txn, Range range, std::size_t limit) {
  std::vector<Item> all;
  while (true) {
    TRY(const std::vector<Item> page, txn.scan(range, limit));
    all.insert(all.end(), page.begin(), page.end());
    auto* whole = std::get_if<WholeVolume>(&range);
    if (page.empty() || whole == nullptr || whole->what == Whole::kCounters) return all;
    whole->after_number = page_number_of(page.back().key);
  }
}

struct Both {
  MemoryStore committed{true};  // below batch and own
  MemoryStore expected{true};   // with everything applied
  ChangeSet batch, own;
  OverlayTxn txn{committed, batch, own, kTraits};
  ChangeSet nothing, unused;
  OverlayTxn plain{expected, nothing, unused, kTraits};

  Both() {
    const ChangeSet base = any_changes(60);
    batch = any_changes(12);
    own = any_changes(12);
    committed.apply(base);
    expected.apply(base);
    expected.apply(batch);
    expected.apply(own);
  }
};

RC_GTEST_PROP(OverlayProperty, ReadsAsIfAllWereCommitted, ()) {
  Both both;
  const auto limit = *rc::gen::inRange<std::size_t>(1, 6);
  for (const Range& range : all_ranges()) {
    RC_ASSERT((both.txn.is_empty(range).value() == both.plain.is_empty(range).value()));
    const auto seen = all_of(both.txn, range, limit).value();
    const auto expected = all_of(both.plain, range, limit).value();
    RC_ASSERT(same(seen, expected));
    RC_ASSERT(same(both.txn.scan(range, 1000).value(), both.plain.scan(range, 1000).value()));
  }
  for (std::uint64_t a = 1; a < 5; ++a) {
    for (std::uint64_t b = 1; b < 5; ++b) {
      const Key link = ParentLinkKey{Ino{a}, Ino{b}};
      RC_ASSERT((both.txn.get(link).value() == both.plain.get(link).value()));
      const Key ref = SliceRefKey{SliceId{a}, 4096};
      RC_ASSERT((both.txn.get(ref).value() == both.plain.get(ref).value()));
      const Key slices = SlicesKey{Ino{a}, ChunkIndex{static_cast<std::uint32_t>(b)}};
      RC_ASSERT((both.txn.get(slices).value() == both.plain.get(slices).value()));
      RC_ASSERT((both.txn.get(DirStatsKey{Ino{a}}).value() == both.plain.get(DirStatsKey{Ino{a}}).value()));
    }
  }
}

RC_GTEST_PROP(ChangeProperty, MergingIsApplyingInOrder, ()) {
  MemoryStore one_by_one(true), merged(true);
  const ChangeSet base = any_changes(40);
  ChangeSet first = any_changes(20);
  ChangeSet second = any_changes(20);
  for (MemoryStore* store : {&one_by_one, &merged}) store->apply(base);
  one_by_one.apply(first);
  one_by_one.apply(second);
  first.merge(std::move(second));
  merged.apply(first);
  for (const Range& range : all_ranges()) RC_ASSERT(same(one_by_one.scan(range, 1000).value().items, merged.scan(range, 1000).value().items));
}

TEST(Overlay, AHardLinkIsCountedWhereItsNamesAre) {
  MemoryStore store(true);
  store.put(EntryKey{Ino{1}, "a"}, EntryRecord{Ino{9}, FileType::kRegular});
  ChangeSet batch, own;
  OverlayTxn txn(store, batch, own, kTraits);
  put(txn, EntryKey{Ino{1}, "b"}, EntryRecord{Ino{9}, FileType::kRegular});
  add(txn, ParentLinkKey{Ino{9}, Ino{1}}, 1);  // derived: the entry alone counts
  EXPECT_EQ(get(txn, ParentLinkKey{Ino{9}, Ino{1}}).value(), 2);
  erase(txn, EntryKey{Ino{1}, "a"});
  erase(txn, EntryKey{Ino{1}, "b"});
  EXPECT_EQ(get(txn, ParentLinkKey{Ino{9}, Ino{1}}).value(), std::nullopt);
}

TEST(Overlay, StatisticsThatDoNotExistStayAbsent) {
  MemoryStore store(true);
  ChangeSet batch, own;
  OverlayTxn txn(store, batch, own, kTraits);
  add(txn, DirStatsKey{Ino{1}}, DirStatsRecord{1, 2, 3});
  EXPECT_EQ(get(txn, DirStatsKey{Ino{1}}).value(), std::nullopt);
  put(txn, DirStatsKey{Ino{1}}, DirStatsRecord{});
  add(txn, DirStatsKey{Ino{1}}, DirStatsRecord{1, 2, 3});
  EXPECT_EQ(get(txn, DirStatsKey{Ino{1}}).value(), (DirStatsRecord{1, 2, 3}));
}

TEST(OverlayDeathTest, ARecordOfAnotherKindIsOurOwnMistake) {
  MemoryStore store(true);
  ChangeSet batch, own;
  OverlayTxn txn(store, batch, own, kTraits);
  EXPECT_DEATH(txn.put(InodeKey{Ino{1}}, EntryRecord{}), "");
  EXPECT_DEATH(txn.add(InodeKey{Ino{1}}, Attr{}), "");
  ReadTxn reader(store);
  EXPECT_DEATH(reader.erase(InodeKey{Ino{1}}), "");
}

TEST(Range, APageEndsWithAWholeNumberUnlessOneNumberFillsIt) {
  const WholeVolume entries{Whole::kEntries, 0};
  const auto rows = [](std::initializer_list<std::uint64_t> parents) {
    std::vector<Item> items;
    for (const std::uint64_t parent : parents) items.push_back({EntryKey{Ino{parent}, std::to_string(items.size())}, EntryRecord{}});
    return items;
  };
  std::vector<Item> items = rows({1, 2, 2, 3});
  EXPECT_TRUE(cut_page(entries, 2, items));
  EXPECT_EQ(items.size(), 1u);
  items = rows({1, 1, 1, 2});
  EXPECT_TRUE(cut_page(entries, 2, items));
  EXPECT_EQ(items.size(), 3u);
  items = rows({1, 1, 1});
  EXPECT_FALSE(cut_page(entries, 2, items));
  EXPECT_EQ(items.size(), 3u);
  EXPECT_TRUE(cut_page(EntriesOf{Ino{1}, {}, false}, 2, items));
  EXPECT_EQ(items.size(), 2u);
}

}  // namespace
}  // namespace headrace::records
