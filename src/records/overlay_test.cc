// SPDX-License-Identifier: Apache-2.0
// A transaction over a batch over a store must read exactly as if everything had been committed.
#include "records/overlay.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "records/change.h"
#include "records/memory/memory_store.h"
#include "records/range.h"
#include "records/testing/samples.h"

namespace headrace::records {
namespace {

const EngineTraits kTraits{"test", false, true};

struct Both {
  Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
  MemoryStore committed{true};  // below batch and own
  MemoryStore expected{true};   // with everything applied
  ChangeSet batch, own;
  OverlayTxn txn{committed, batch, own, kTraits};
  ChangeSet nothing, unused;
  OverlayTxn plain{expected, nothing, unused, kTraits};

  Both() {
    const ChangeSet base = random_changes(rng, rng.below(60));
    batch = random_changes(rng, rng.below(12));
    own = random_changes(rng, rng.below(12));
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
    const auto seen = scan_to_end(both.txn, range, limit).value();
    const auto expected = scan_to_end(both.plain, range, limit).value();
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
  Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
  const ChangeSet base = random_changes(rng, rng.below(40));
  ChangeSet first = random_changes(rng, rng.below(20));
  ChangeSet second = random_changes(rng, rng.below(20));
  for (MemoryStore* store : {&one_by_one, &merged}) store->apply(base);
  one_by_one.apply(first);
  one_by_one.apply(second);
  first.merge(std::move(second));
  merged.apply(first);
  for (const Range& range : all_ranges())
    RC_ASSERT(same(one_by_one.scan(range, 1000).value().items, merged.scan(range, 1000).value().items));
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
    for (const std::uint64_t parent : parents)
      items.push_back({EntryKey{Ino{parent}, std::to_string(items.size())}, EntryRecord{}});
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
