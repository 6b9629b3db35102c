// SPDX-License-Identifier: Apache-2.0
#include "vfs/takeover_index.h"

#include <gtest/gtest.h>

#include <set>

namespace headrace::vfs {
namespace {

class TakeoverIndexTest : public testing::Test {
 protected:
  std::set<std::uint64_t> dirty() {
    std::set<std::uint64_t> keys;
    index_->dirty.for_each([&keys](KeptDirty& kept) { keys.insert(kept.key.load()); });
    return keys;
  }
  KeptDirty* keep(std::uint64_t key) {
    KeptDirty* const entry = index_->dirty.take();
    KeptTable<KeptDirty>::publish(*entry, key);
    return entry;
  }

  const std::unique_ptr<TakeoverIndex> index_ = TakeoverIndex::create().value();
};

TEST_F(TakeoverIndexTest, WhatIsPublishedIsThereAndWhatIsGivenBackIsNot) {
  KeptDirty* const one = keep(11);
  keep(12);
  ASSERT_NE(index_->dirty.take(), nullptr);  // taken and never published: its server died
  EXPECT_EQ(dirty(), (std::set<std::uint64_t>{11, 12}));
  index_->dirty.give_back(one);
  EXPECT_EQ(dirty(), (std::set<std::uint64_t>{12}));
}

TEST_F(TakeoverIndexTest, ASuccessorTakesThePlacesThatAreFreeAndNoOther) {
  keep(11);
  index_->dirty.give_back(keep(12));
  keep(13);
  index_->begin_serving();
  keep(14);
  keep(15);
  EXPECT_EQ(dirty(), (std::set<std::uint64_t>{11, 13, 14, 15}));
}

TEST_F(TakeoverIndexTest, AFullTableSaysSo) {
  std::size_t taken = 0;
  while (index_->requests.take() != nullptr) ++taken;
  EXPECT_EQ(taken, 4096u);
}

TEST_F(TakeoverIndexTest, NumbersOfHandlesAreNeverGivenTwice) {
  const std::uint64_t first = index_->new_handle_number();
  index_->begin_serving();
  EXPECT_GT(index_->new_handle_number(), first);
  EXPECT_NE(first, 0u);
}

TEST_F(TakeoverIndexTest, WhatIsKnownOfTheMountIsReadBack) {
  EXPECT_FALSE(index_->has_mount());
  index_->set_mount({.session = 5, .minor = 61, .mounted_seconds = 1700000000});
  ASSERT_TRUE(index_->has_mount());
  EXPECT_EQ(index_->mount().session, 5u);
  EXPECT_EQ(index_->mount().minor, 61u);
}

TEST_F(TakeoverIndexTest, ARequestThatIsSentAgainIsKnownByWhatBecameOfIt) {
  index_->begin_serving();
  TakeoverIndex::finish_request(*index_->begin_request(10, false, 1).entry, {});
  TakeoverIndex::finish_request(*index_->begin_request(12, false, 1).entry, Code::kExists);
  index_->begin_request(14, false, 1).entry->note(KeptRequest::Detail::kAppend, 4096, 100);
  index_->end_request(index_->begin_request(16, false, 1).entry);
  index_->begin_serving();  // the successor
  const auto done = index_->begin_request(10, true, 1), failed = index_->begin_request(12, true, 1),
             begun = index_->begin_request(14, true, 1);
  ASSERT_TRUE(done.earlier && failed.earlier && begun.earlier);
  EXPECT_EQ(done.earlier->state, KeptRequest::State::kDone);
  EXPECT_EQ(failed.earlier->state, KeptRequest::State::kFailed);
  EXPECT_EQ(static_cast<Code>(failed.earlier->code), Code::kExists);
  EXPECT_EQ(begun.earlier->state, KeptRequest::State::kBegun);
  EXPECT_EQ(begun.earlier->detail, 4096u);
  EXPECT_EQ(begun.earlier->length, 100u);
  EXPECT_FALSE(index_->begin_request(16, true, 1).earlier) << "it was answered";
  EXPECT_FALSE(index_->begin_request(18, true, 1).earlier) << "it had not begun";
  // Still under way when this server dies as well.
  index_->begin_serving();
  EXPECT_TRUE(index_->begin_request(14, true, 1).earlier);
}

TEST_F(TakeoverIndexTest, ARequestThatNobodySendsAgainIsForgottenInTheEnd) {
  index_->begin_serving();
  index_->begin_request(10, false, 1);
  for (int i = 0; i < 4; ++i) index_->begin_serving();
  EXPECT_FALSE(index_->begin_request(10, true, 1).earlier);
}

}  // namespace
}  // namespace headrace::vfs
