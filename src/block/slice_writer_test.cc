// SPDX-License-Identifier: Apache-2.0
#include "block/slice_writer.h"

#include <algorithm>
#include <cstring>

#include "block/testing/block_fixture.h"
#include "block/upload.h"

namespace headrace::block {
namespace {

using object::FaultKind;
using object::Method;
using std::chrono::milliseconds;
using std::chrono::seconds;

class SliceWriterTest : public BlockStoreFixture {
 protected:
  static std::string read_back(const SliceBuffer& slice, std::uint32_t offset, std::uint32_t size) {
    std::string bytes(size, '?');
    const Result<void> read = slice.read(Scope{}, offset, std::as_writable_bytes(std::span(bytes)));
    return read ? bytes : read.error().text();
  }
  void write(SliceBuffer& slice, std::uint32_t offset, const std::string& bytes) {
    const Result<void> written = slice.write(Scope{}, offset, bytes_of(bytes));
    ASSERT_TRUE(written) << written.error().text();
  }
  std::vector<std::string> object_names() {
    std::vector<std::string> names;
    for (const object::ObjectInfo& info : memory_.list(Scope{}, "", "", 1000).value().objects)
      names.push_back(info.key);
    return names;
  }
};

using Names = std::vector<std::string>;

TEST_F(SliceWriterTest, ASliceBecomesBlocksThatReadBack) {
  const std::string bytes = content(9, 5 * kTestBlock / 2);
  const auto slice = blocks_->new_slice(SliceId{9});
  write(*slice, 0, bytes);
  slice->finish();
  ASSERT_TRUE(slice->wait_uploaded(within(seconds(60))));
  EXPECT_EQ(object_names(), (Names{"chunks/0/0/9_0_1048576", "chunks/0/0/9_1_1048576", "chunks/0/0/9_2_524288"}));
  open({});
  EXPECT_EQ(
      read(Extent{0, bytes.size(), SliceId{9}, static_cast<std::uint32_t>(bytes.size()), 0}, 0, bytes.size()).value(),
      bytes);
}

// Sanitizers look at every byte that is made and compared; each run has a seed of its own.
#if __has_feature(thread_sanitizer)
constexpr int kRounds = 4;
#elif __has_feature(address_sanitizer)
constexpr int kRounds = 10;
#else
constexpr int kRounds = 30;
#endif

TEST_F(SliceWriterTest, AnyOrderOfWritesAboveWhatWasSentGivesTheSameBytes) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  for (int round = 0; round < kRounds; ++round) {
    const auto slice = blocks_->new_slice(SliceId{100u + static_cast<std::uint64_t>(round)});
    std::string model;
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t room = model.size() - slice->rewritable_from();
      const auto offset = static_cast<std::uint32_t>(model.size() - rng.below(room + 1));
      const std::size_t size = rng.below(rng.below(4) == 0 ? 3 * kTestBlock : 40'000);
      if (offset + size > 20 * kTestBlock) break;
      const std::string bytes = content(rng.next(), size + 8).substr(0, size);
      write(*slice, offset, bytes);
      model.resize(std::max(model.size(), offset + size));
      std::memcpy(model.data() + offset, bytes.data(), size);
      ASSERT_EQ(slice->size(), model.size());
      const auto from = static_cast<std::uint32_t>(rng.below(model.size() + 1));
      const auto count = static_cast<std::uint32_t>(rng.below(model.size() - from + 1));
      ASSERT_EQ(read_back(*slice, from, count), model.substr(from, count));
    }
    slice->finish();
    slice->finish();
    ASSERT_TRUE(slice->wait_uploaded(within(seconds(60))));
    EXPECT_EQ(read_back(*slice, 0, slice->size()), model) << "from the store, after all memory was given back";
    if (model.empty()) continue;
    const auto size = static_cast<std::uint32_t>(model.size());
    ASSERT_EQ(read(Extent{0, size, SliceId{100u + static_cast<std::uint64_t>(round)}, size, 0}, 0, size).value(),
              model);
  }
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

TEST_F(SliceWriterTest, AFullBlockGoesUpBeforeTheSliceIsFinished) {
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, std::string(kTestBlock - 1, 'a'));
  EXPECT_EQ(slice->rewritable_from(), 0u);
  write(*slice, 0, "b");
  write(*slice, kTestBlock - 1, "c");
  EXPECT_EQ(slice->rewritable_from(), kTestBlock);
  wait_until([&] { return blocks_->stats().uploads == 1; });
  EXPECT_EQ(object_names(), Names{"chunks/0/0/1_0_1048576"});
  wait_until([&] { return budget_->used_bytes() == 0; });
  EXPECT_EQ(read_back(*slice, 0, 2), "ba") << "the memory was given back, the bytes can still be read";
  EXPECT_EQ(read_back(*slice, kTestBlock - 1, 1), "c");
}

TEST_F(SliceWriterTest, ASmallFileTakesLittleOfTheBudget) {
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, "small");
  EXPECT_EQ(budget_->used_bytes(), 64u << 10);
  write(*slice, 5, std::string(100'000, 'x'));
  EXPECT_EQ(budget_->used_bytes(), 512u << 10);
  write(*slice, 100'005, std::string(900'000, 'y'));
  EXPECT_EQ(budget_->used_bytes(), kTestBlock);
  EXPECT_EQ(read_back(*slice, 0, 6), "smallx");
  EXPECT_EQ(read_back(*slice, 100'004, 2), "xy");
}

TEST_F(SliceWriterTest, BlocksGoUpSideBySideButNoMoreThanAllowed) {
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kPut});
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, content(1, 10 * kTestBlock));
  slice->finish();
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 4));
  EXPECT_EQ(blocks_->stats().uploads_now, 10u);
  EXPECT_EQ(slice->wait_uploaded(within(milliseconds(5))).error().code, Code::kTimedOut);
  EXPECT_EQ(read_back(*slice, 0, 10 * kTestBlock), content(1, 10 * kTestBlock)) << "from memory";
  faulty_.end(hold);
  ASSERT_TRUE(slice->wait_uploaded(within(seconds(60))));
  EXPECT_EQ(faulty_.most_at_once(Method::kPut), 4u);
  EXPECT_EQ(blocks_->stats().uploads, 10u);
  EXPECT_EQ(blocks_->stats().upload_bytes, 10u * kTestBlock);
  EXPECT_EQ(blocks_->stats().uploads_now, 0u);
}

TEST_F(SliceWriterTest, TheLastBlockStaysUntilSomebodyWaitsForItOrSendsItUp) {
  const auto mine = blocks_->new_slice(SliceId{1}), beside = blocks_->new_slice(SliceId{2});
  for (const auto& slice : {mine.get(), beside.get()}) {
    write(*slice, 0, content(1, kTestBlock + 5));
    slice->finish();
  }
  wait_until([&] { return blocks_->stats().uploads == 2; });  // the full blocks
  EXPECT_EQ(memory_.object_count(), 2u);
  EXPECT_EQ(read_back(*mine, 0, kTestBlock + 5), content(1, kTestBlock + 5));
  beside->start_upload();
  wait_until([&] { return blocks_->stats().uploads == 3; });
  ASSERT_TRUE(mine->wait_uploaded(within(seconds(60))));
  EXPECT_EQ(memory_.object_count(), 4u);
  ASSERT_TRUE(beside->wait_uploaded(within(seconds(60))));
}

TEST_F(SliceWriterTest, ABlockWhoseWaiterGaveUpIsSentByTheNextOne) {
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kPut});
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, "patience");
  slice->finish();
  EXPECT_EQ(slice->wait_uploaded(within(milliseconds(5))).error().code, Code::kTimedOut);
  EXPECT_EQ(read_back(*slice, 0, 8), "patience");
  faulty_.end(hold);
  ASSERT_TRUE(slice->wait_uploaded(within(seconds(60))));
  EXPECT_EQ(memory_.object_count(), 1u);
  EXPECT_EQ(blocks_->stats().uploads, 1u);
}

TEST_F(SliceWriterTest, ADiscardedSliceLeavesNothingOfABlockThatWasHeld) {
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, "never");
  slice->finish();
  ASSERT_TRUE(slice->discard(within(seconds(60))));
  EXPECT_EQ(memory_.object_count(), 0u);
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

TEST_F(SliceWriterTest, ADiscardEndsTheBlockOfAWaiterThatGivesUpBesideIt) {
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kPut});
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, "contested");
  slice->finish();
  std::stop_source gives_up;
  std::jthread waiter([&] {
    EXPECT_EQ(slice->wait_uploaded(Scope{within(seconds(60)).deadline, gives_up.get_token()}).error().code,
              Code::kInterrupted);
  });
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  EXPECT_EQ(slice->discard(within(milliseconds(5))).error().code, Code::kTimedOut);
  gives_up.request_stop();
  waiter.join();
  ASSERT_TRUE(slice->discard(within(seconds(60)))) << "without waiting for a block that nobody sends";
  faulty_.end(hold);
  EXPECT_EQ(memory_.object_count(), 0u);
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

TEST_F(SliceWriterTest, TheFirstErrorStays) {
  const auto slice = blocks_->new_slice(SliceId{1});
  const auto full = faulty_.add({.kind = FaultKind::kFull, .key_contains = "1_1_"});
  write(*slice, 0, content(1, 3 * kTestBlock));
  slice->finish();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(slice->wait_uploaded(within(seconds(60))).error().code, Code::kNoSpace);
  EXPECT_EQ(faulty_.fired(full), 1u);
  EXPECT_EQ(blocks_->stats().upload_errors, 1u);
  EXPECT_EQ(budget_->used_bytes(), 0u);
}

TEST_F(SliceWriterTest, ADiscardedSliceLeavesNothingBehind) {
  const auto slice = blocks_->new_slice(SliceId{1});
  const auto lost = faulty_.add({.kind = FaultKind::kErrorAfter, .method = Method::kPut, .key_contains = "1_1_"});
  write(*slice, 0, content(1, 5 * kTestBlock / 2));
  wait_until([&] { return blocks_->stats().upload_errors == 1; });
  ASSERT_TRUE(slice->discard(within(seconds(60))));
  EXPECT_EQ(faulty_.fired(lost), 1u) << "a block whose upload failed after it took effect";
  EXPECT_EQ(memory_.object_count(), 0u);
  EXPECT_EQ(budget_->used_bytes(), 0u);
  EXPECT_TRUE(slice->discard(within(seconds(60))));
}

TEST_F(SliceWriterTest, ADiscardWaitsForUploadsThatRunAndStopsThoseThatWait) {
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kPut});
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, content(1, 8 * kTestBlock));
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 4));
  EXPECT_EQ(slice->discard(within(milliseconds(5))).error().code, Code::kTimedOut);
  faulty_.end(hold);
  ASSERT_TRUE(slice->discard(within(seconds(60))));
  EXPECT_EQ(faulty_.requests(Method::kPut), 4u) << "the others did not begin";
  EXPECT_EQ(memory_.object_count(), 0u);
}

TEST_F(SliceWriterTest, AWriterWaitsForMemoryAndWritesNothingWhenItGetsNone) {
  open({.budget_bytes = 2 * kTestBlock});
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kPut});
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, std::string(2 * kTestBlock, 'a'));
  EXPECT_EQ(slice->write(within(milliseconds(5)), 2 * kTestBlock, bytes_of("more")).error().code, Code::kTimedOut);
  EXPECT_EQ(slice->size(), 2 * kTestBlock);
  std::jthread writer([&] { write(*slice, 2 * kTestBlock, "more"); });
  wait_until([&] { return budget_->waiting() == 1; });
  faulty_.end(hold);
  writer.join();
  EXPECT_EQ(read_back(*slice, 2 * kTestBlock, 4), "more");
}

TEST_F(SliceWriterTest, AWriteLargerThanTheWholeBudgetIsRefused) {
  open({.budget_bytes = 2 * kTestBlock});
  const auto slice = blocks_->new_slice(SliceId{1});
  EXPECT_EQ(slice->write(Scope{}, 0, bytes_of(content(1, 3 * kTestBlock))).error().code, Code::kInvalid);
  EXPECT_EQ(slice->size(), 0u);
}

TEST_F(SliceWriterTest, AShortBlockIsReadFromTheNodeAfterwardsAndAFullOneIfThatIsAskedFor) {
  const auto gets_after_writing = [this](std::uint32_t size) {
    const auto slice = blocks_->new_slice(SliceId{1});
    write(*slice, 0, content(1, size));
    slice->finish();
    EXPECT_TRUE(slice->wait_uploaded(within(seconds(60))));
    const std::uint64_t before = gets();
    EXPECT_EQ(read(Extent{0, size, SliceId{1}, size, 0}, 0, size).value(), content(1, size));
    return gets() - before;
  };
  EXPECT_EQ(gets_after_writing(kTestBlock - 1), 0u);
  EXPECT_EQ(gets_after_writing(kTestBlock), 1u) << "what is large and just written is not what a training reads next";
  open({.cache_large_writes = true});
  EXPECT_EQ(gets_after_writing(kTestBlock), 0u);
}

TEST_F(SliceWriterTest, AnEmptySliceHasNoBlocks) {
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, "");
  slice->finish();
  EXPECT_TRUE(slice->wait_uploaded(within(seconds(60))));
  EXPECT_EQ(memory_.object_count(), 0u);
}

TEST_F(SliceWriterTest, AfterTheStoreWasClosedAnUploadIsAnError) {
  const auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, "late");
  ASSERT_TRUE(blocks_->close(within(seconds(60))));
  slice->finish();
  EXPECT_EQ(slice->wait_uploaded(within(seconds(60))).error().code, Code::kBadHandle);
}

TEST_F(SliceWriterTest, ASliceMayEndWhileItsUploadsRun) {
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kPut});
  auto slice = blocks_->new_slice(SliceId{1});
  write(*slice, 0, content(1, 2 * kTestBlock));
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 2));
  slice.reset();
  faulty_.end(hold);
  ASSERT_TRUE(blocks_->close(within(seconds(60))));
  EXPECT_EQ(memory_.object_count(), 2u);
}

}  // namespace
}  // namespace headrace::block
