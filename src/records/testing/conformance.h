// SPDX-License-Identifier: Apache-2.0
// What every engine that can write must do: reading, writing and listing records. A test file includes this and says
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, EngineRecords, Factory);
// where Factory is default-constructible and has
//   static constexpr bool kIsShared;   several engines may be open on one store, and it outlives them
//   std::unique_ptr<RecordEngine> open(const OpenOptions& = {});
//                                      an engine; the same store each time where it is shared
// testing/conformance_batches.h asks about callers who meet each other.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "records/memory/memory_store.h"
#include "records/overlay.h"
#include "records/testing/samples.h"
#include "records/txn.h"

namespace headrace::records {

template <class Factory>
class EngineRecords : public testing::Test {
 protected:
  Result<std::optional<Record>> stored(const Key& key) {
    return engine_->read(Scope{}, {key}, [&](RecordTxn& txn) { return txn.get(key); });
  }
  Result<void> write(const ChangeSet& changes, Commit commit = Commit::kVisible) {
    return engine_->run(Scope{}, commit, {}, [&](RecordTxn& txn) -> Result<void> {
      write_into(txn, changes);
      return {};
    });
  }
  /// Compares every range, in pages of several sizes, with a store in memory that had the same changes.
  static void expect_same(RecordTxn& txn, MemoryStore& expected) {
    ChangeSet none, unused;
    static const EngineTraits traits{"expected", false, true};
    OverlayTxn plain(expected, none, unused, traits);
    for (const Range& range : all_ranges()) {
      for (const std::size_t limit : {1, 3, 1000}) {
        const auto seen = scan_to_end(txn, range, limit);
        ASSERT_TRUE(seen) << seen.error().text();
        const auto wanted = scan_to_end(plain, range, limit);
        ASSERT_TRUE(same(*seen, *wanted))
            << "range " << range.index() << " limit " << limit << ": " << difference(*seen, *wanted);
      }
      ASSERT_EQ(txn.is_empty(range).value(), plain.is_empty(range).value()) << "range " << range.index();
    }
  }

  Factory factory_;
  std::unique_ptr<RecordEngine> engine_ = factory_.open();
};

TYPED_TEST_SUITE_P(EngineRecords);

TYPED_TEST_P(EngineRecords, EveryKindOfRecordComesBackAsItWasPut) {
  for (const std::vector<Item>& items : {one_of_each_kind(), another_of_each_kind()}) {
    ChangeSet changes;
    for (const Item& item : items) changes.put(item.key, item.record);
    ASSERT_TRUE(this->write(changes));
    for (const Item& item : items) {
      const auto found = this->stored(item.key);
      ASSERT_TRUE(found) << describe(item.key) << ": " << found.error().text();
      ASSERT_TRUE(found->has_value()) << describe(item.key);
      EXPECT_TRUE(**found == item.record) << describe(item.key);
    }
  }
}

TYPED_TEST_P(EngineRecords, WhatWasErasedOrNeverPutIsNothing) {
  ChangeSet put, erase;
  for (const Item& item : one_of_each_kind()) {
    EXPECT_EQ(this->stored(item.key).value(), std::nullopt) << describe(item.key);
    put.put(item.key, item.record);
    erase.erase(item.key);
  }
  ASSERT_TRUE(this->write(put));
  ASSERT_TRUE(this->write(erase));
  for (const Item& item : one_of_each_kind())
    EXPECT_EQ(this->stored(item.key).value(), std::nullopt) << describe(item.key);
}

TYPED_TEST_P(EngineRecords, AddingStartsAtNothingExceptForStatistics) {
  ChangeSet changes;
  changes.add(CounterKey{"usedSpace"}, std::int64_t{-5});
  changes.add(SliceRefKey{SliceId{7}, 10}, std::int64_t{2});
  changes.add(DirStatsKey{Ino{1}}, DirStatsRecord{1, 2, 3});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(this->write(changes));
  EXPECT_EQ(this->stored(CounterKey{"usedSpace"}).value(), Record(std::int64_t{-10}));
  EXPECT_EQ(this->stored(SliceRefKey{SliceId{7}, 10}).value(), Record(std::int64_t{4}));
  EXPECT_EQ(this->stored(DirStatsKey{Ino{1}}).value(), std::nullopt);
}

TYPED_TEST_P(EngineRecords, AppendingGoesBehindWhatIsThere) {
  const SlicesKey key{Ino{1}, ChunkIndex{0}};
  const SliceList first{{0, SliceId{1}, 5, 0, 5}}, second{{5, SliceId{0}, 0, 0, 2}, {1, SliceId{2}, 3, 0, 3}};
  for (const SliceList& list : {first, second}) {
    ChangeSet changes;
    changes.append(key, list);
    ASSERT_TRUE(this->write(changes));
  }
  EXPECT_EQ(this->stored(key).value(), Record(SliceList{first[0], second[0], second[1]}));
}

TYPED_TEST_P(EngineRecords, ParentsOfAHardLinkAreCountedFromItsNames) {
  ASSERT_TRUE(this->engine_->traits().links_are_derived);
  ChangeSet changes;
  for (const char* name : {"a", "b"}) changes.put(EntryKey{Ino{1}, name}, EntryRecord{Ino{9}, FileType::kRegular});
  changes.put(EntryKey{Ino{2}, "c"}, EntryRecord{Ino{9}, FileType::kRegular});
  ASSERT_TRUE(this->write(changes));
  EXPECT_EQ(this->stored(ParentLinkKey{Ino{9}, Ino{1}}).value(), Record(std::int64_t{2}));
  EXPECT_EQ(this->stored(ParentLinkKey{Ino{9}, Ino{2}}).value(), Record(std::int64_t{1}));
  EXPECT_EQ(this->stored(ParentLinkKey{Ino{9}, Ino{3}}).value(), std::nullopt);
}

TYPED_TEST_P(EngineRecords, RandomChangesReadAndListAsInAModel) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  MemoryStore expected(true);
  for (int round = 0; round < 12; ++round) {
    const ChangeSet changes = random_changes(rng, 1 + rng.below(40));
    const ChangeSet undone = random_changes(rng, 1 + rng.below(40));
    ASSERT_TRUE(this->write(changes));
    expected.apply(changes);
    const Result<void> compared = this->engine_->read(Scope{}, {}, [&](RecordTxn& txn) -> Result<void> {
      this->expect_same(txn, expected);
      return {};
    });
    ASSERT_TRUE(compared);
    // The same in an operation that has written and not committed; nothing of it stays.
    const Result<void> refused = this->engine_->run(Scope{}, Commit::kVisible, {}, [&](RecordTxn& txn) -> Result<void> {
      MemoryStore changed = expected;
      changed.apply(undone);
      write_into(txn, undone);
      this->expect_same(txn, changed);
      return Code::kNotEmpty;
    });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.code(), Code::kNotEmpty);
    if (this->HasFatalFailure()) return;
  }
}

TYPED_TEST_P(EngineRecords, AnOperationReadsWhatItWrote) {
  const Result<void> ran = this->engine_->run(Scope{}, Commit::kVisible, {}, [&](RecordTxn& txn) -> Result<void> {
    put(txn, CounterKey{"a"}, 1);
    EXPECT_EQ(get(txn, CounterKey{"a"}).value(), 1);
    add(txn, CounterKey{"a"}, 5);
    EXPECT_EQ(get(txn, CounterKey{"a"}).value(), 6);
    erase(txn, CounterKey{"a"});
    EXPECT_EQ(get(txn, CounterKey{"a"}).value(), std::nullopt);
    return {};
  });
  EXPECT_TRUE(ran);
  EXPECT_EQ(this->stored(CounterKey{"a"}).value(), std::nullopt);
}

TYPED_TEST_P(EngineRecords, TheErrorOfAnOperationComesBackUnchanged) {
  const auto refuse = [](RecordTxn&) -> Result<int> { return Error(Code::kExists, "exactly this"); };
  EXPECT_EQ(this->engine_->run(Scope{}, Commit::kDurable, {}, refuse).error(), Error(Code::kExists, "exactly this"));
  EXPECT_EQ(this->engine_->read(Scope{}, {}, refuse).error(), Error(Code::kExists, "exactly this"));
}

TYPED_TEST_P(EngineRecords, WhatIsNeededFirstChangesNoAnswer) {
  const CounterKey there{"a"}, absent{"b"};
  ChangeSet changes;
  changes.put(there, std::int64_t{3});
  ASSERT_TRUE(this->write(changes));
  const auto ran = this->engine_->run(Scope{}, Commit::kVisible, {Key(there), Key(absent)},
                                      [&](RecordTxn& txn) -> Result<std::int64_t> {
                                        const std::vector<Key> more{Key(there)};
                                        TRY_OK(txn.need(more));
                                        TRY(const auto a, get(txn, there));
                                        TRY(const auto b, get(txn, absent));
                                        return a.value_or(-1) * 10 + b.value_or(-1);
                                      });
  EXPECT_EQ(ran.value(), 29);
}

TYPED_TEST_P(EngineRecords, ADurableCommitAndASyncSucceed) {
  ChangeSet changes;
  changes.put(CounterKey{"a"}, std::int64_t{1});
  EXPECT_TRUE(this->write(changes, Commit::kDurable));
  EXPECT_TRUE(this->engine_->sync(Scope{}));
}

TYPED_TEST_P(EngineRecords, AnEngineThatIsReadOnlyWritesNothing) {
  OpenOptions options;
  options.read_only = true;
  const std::unique_ptr<RecordEngine> reader = this->factory_.open(options);
  EXPECT_TRUE(reader->traits().is_read_only);
  const Result<void> ran = reader->run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
    put(txn, CounterKey{"a"}, 1);
    return {};
  });
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.code(), Code::kReadOnly);
  EXPECT_EQ(reader->reserve(Scope{}, IdKind::kInode, 1).code(), Code::kReadOnly);
  EXPECT_TRUE(reader->read(Scope{}, {}, [](RecordTxn& txn) { return txn.get(CounterKey{"a"}); }));
}

TYPED_TEST_P(EngineRecords, AClosedEngineRefuses) {
  EXPECT_TRUE(this->engine_->close());
  EXPECT_TRUE(this->engine_->close());
  EXPECT_EQ(this->stored(CounterKey{"a"}).code(), Code::kBadHandle);
  ChangeSet changes;
  changes.put(CounterKey{"a"}, std::int64_t{1});
  EXPECT_EQ(this->write(changes).code(), Code::kBadHandle);
}

REGISTER_TYPED_TEST_SUITE_P(EngineRecords, EveryKindOfRecordComesBackAsItWasPut, WhatWasErasedOrNeverPutIsNothing,
                            AddingStartsAtNothingExceptForStatistics, AppendingGoesBehindWhatIsThere,
                            ParentsOfAHardLinkAreCountedFromItsNames, RandomChangesReadAndListAsInAModel,
                            AnOperationReadsWhatItWrote, TheErrorOfAnOperationComesBackUnchanged,
                            WhatIsNeededFirstChangesNoAnswer, ADurableCommitAndASyncSucceed,
                            AnEngineThatIsReadOnlyWritesNothing, AClosedEngineRefuses);

}  // namespace headrace::records
