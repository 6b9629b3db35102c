// SPDX-License-Identifier: Apache-2.0
#include "block/file_filler.h"

#include <cstring>

#include "block/testing/block_fixture.h"

namespace headrace::block {
namespace {

using object::FaultKind;
using object::Method;
using std::chrono::milliseconds;
using std::chrono::seconds;

class FileFillerTest : public BlockStoreFixture {
 protected:
  FileFillerTest() { reopen({}); }
  void reopen(const Setup& setup, const FillerOptions& options = {}) {
    filler_.reset();
    open(setup);
    filler_ = std::make_unique<FileFiller>(*blocks_, *tier_, *budget_, scheduler_, options);
  }
  ~FileFillerTest() override { filler_.reset(); }

  /// A file of one slice.
  std::shared_ptr<const ExtentList> make_file(std::uint64_t slice, std::uint32_t size) {
    return std::make_shared<const ExtentList>(ExtentList{make_slice(slice, size)});
  }
  std::shared_ptr<FileFill> fill(const std::string& name, const std::shared_ptr<const ExtentList>& extents) {
    auto fill = filler_->fill(within(seconds(60)), {name, extents->back().end()}, extents);
    EXPECT_TRUE(fill) << fill.error().text();
    return fill ? *fill : nullptr;
  }
  static std::string bytes_of_copy(const NodeFile& file) {
    std::string bytes(file.key().length, '?');
    const Result<void> read = file.read(0, std::as_writable_bytes(std::span(bytes)));
    return read ? bytes : read.error().text();
  }

  std::unique_ptr<FileFiller> filler_;
};

TEST_F(FileFillerTest, AFilledFileIsCompleteAndHasTheRightBytes) {
  for (const std::uint32_t size : {1u, 100'000u, (1u << 20) - 1, 1u << 20, (2u << 20) + 1, (4u << 20) + 5, 33u << 20}) {
    const auto extents = make_file(1000 + size, size);
    const auto one = fill("f" + std::to_string(size), extents);
    ASSERT_TRUE(one->wait(within(seconds(60)))) << size;
    EXPECT_TRUE(one->file()->is_complete());
    EXPECT_EQ(one->bytes_done(), size);
    EXPECT_EQ(bytes_of_copy(*one->file()), content(1000 + size, size)) << size;
    EXPECT_EQ(tier_->find({"f" + std::to_string(size), size}), one->file());
  }
  EXPECT_EQ(tier_->stats().blocks, 0u) << "whole blocks are not kept twice";
  EXPECT_EQ(filler_->stats().fills_completed, 7u);
  EXPECT_EQ(filler_->stats().fills_now, 0u);
}

TEST_F(FileFillerTest, AReaderBehindTheFillWaitsForItAndOneFarAheadDoesNot) {
  reopen({}, {.threads = 1, .threads_per_file = 1});
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  const auto one = fill("f", make_file(7, 32u << 20));
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  EXPECT_FALSE(one->reach(within(seconds(60)), 16u << 20, 4096).value()) << "no thread has begun with it";
  EXPECT_EQ(one->reach(within(milliseconds(5)), 4096, 4096).error().code, Code::kTimedOut);
  faulty_.end(hold);
  EXPECT_TRUE(one->reach(within(seconds(60)), 4096, 4096).value());
  ASSERT_TRUE(one->wait(within(seconds(60))));
  EXPECT_TRUE(one->reach(within(seconds(60)), 16u << 20, 4096).value());
}

TEST_F(FileFillerTest, WhoWaitsForAFillThatFailsIsToldSo) {
  reopen({}, {.threads = 1, .threads_per_file = 1});
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  const auto one = fill("f", make_file(7, 8u << 20));
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  std::thread reader([&] { EXPECT_FALSE(one->reach(within(seconds(60)), 0, 4096).value()); });
  one->cancel();
  faulty_.end(hold);
  reader.join();
}

TEST_F(FileFillerTest, AnEmptyFileIsFilledWithoutAnyWork) {
  const auto one = filler_->fill(Scope{}, {"empty", 0}, std::make_shared<const ExtentList>()).value();
  EXPECT_TRUE(one->wait(Scope{}));
  EXPECT_TRUE(one->file()->is_complete());
}

TEST_F(FileFillerTest, AFileOfPiecesAndHolesIsFilledAsItReads) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  auto extents = std::make_shared<ExtentList>();
  std::string expected;
  for (std::uint64_t slice = 1; expected.size() < (12u << 20); ++slice) {
    const std::uint64_t length = 1 + rng.below(3u << 20);
    if (rng.below(4) == 0) {
      extents->push_back({expected.size(), length, {}, 0, 0});
      expected += std::string(length, '\0');
      continue;
    }
    const auto before = static_cast<std::uint32_t>(rng.below(100'000)),
               size = static_cast<std::uint32_t>(before + length + rng.below(1000));
    make_slice(slice, size);
    extents->push_back({expected.size(), length, SliceId{slice}, size, before});
    expected += content(slice, size).substr(before, length);
  }
  const auto one = fill("pieces", extents);
  ASSERT_TRUE(one->wait(within(seconds(60))));
  EXPECT_EQ(bytes_of_copy(*one->file()), expected);
}

TEST_F(FileFillerTest, OneFillServesAllWhoAskForIt) {
  const auto extents = make_file(1, 8u << 20);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  const auto first = fill("a", extents), second = fill("a", extents);
  EXPECT_EQ(first, second);
  EXPECT_FALSE(first->has_ended());
  EXPECT_EQ(first->wait(within(milliseconds(5))).error().code, Code::kTimedOut) << "who waits may leave";
  EXPECT_EQ(filler_->stats().fills_now, 1u);
  faulty_.end(hold);
  ASSERT_TRUE(second->wait(within(seconds(60))));
  EXPECT_EQ(gets(), 8u);
  EXPECT_EQ(filler_->stats().fills_shared, 1u);
  EXPECT_TRUE(fill("a", extents)->wait(within(seconds(60)))) << "what is complete is complete at once";
  EXPECT_EQ(gets(), 8u);
}

TEST_F(FileFillerTest, StretchesOfOneFileAreFetchedSideBySide) {
  reopen({}, {.threads = 8, .threads_per_file = 8});
  const auto extents = make_file(1, 40u << 20);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  const auto one = fill("a", extents);
  EXPECT_TRUE(faulty_.wait_for_held(within(seconds(60)), 8));
  faulty_.end(hold);
  EXPECT_TRUE(one->wait(within(seconds(60))));
  EXPECT_EQ(faulty_.most_at_once(Method::kGet), 8u);
}

TEST_F(FileFillerTest, AFailureEndsTheFillAndALaterOneGoesOnFromWhatIsThere) {
  reopen({}, {.threads = 1});  // in the file's order, so that something is there before the failure
  const auto extents = make_file(1, 16u << 20);
  const auto fail = faulty_.add({.key_contains = "1_12_", .code = Code::kTransient});
  const auto one = fill("a", extents);
  EXPECT_EQ(one->wait(within(seconds(60))).error().code, Code::kTransient);
  EXPECT_FALSE(one->file()->is_complete());
  EXPECT_EQ(filler_->stats().fills_failed, 1u);
  EXPECT_EQ(faulty_.fired(fail), 1u);
  faulty_.end(fail);
  const std::uint64_t before = gets();
  wait_until([&] { return filler_->stats().fills_now == 0; });
  const auto again = fill("a", extents);
  ASSERT_TRUE(again->wait(within(seconds(60))));
  EXPECT_LT(gets() - before, 16u);
  EXPECT_EQ(bytes_of_copy(*again->file()), content(1, 16u << 20));
}

TEST_F(FileFillerTest, ACancelledFillEndsSoonForAll) {
  reopen({}, {.threads = 8, .threads_per_file = 8});
  const auto extents = make_file(1, 40u << 20);
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  const auto one = fill("a", extents);
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  one->cancel();
  EXPECT_EQ(one->wait(within(seconds(60))).error().code, Code::kInterrupted);
  EXPECT_EQ(budget_->used_bytes(), 0u);
  EXPECT_LE(gets(), 8u);
  faulty_.end(hold);
}

TEST_F(FileFillerTest, AFileThatDoesNotFitIsRefusedBeforeAnyFetch) {
  reopen({.tier_bytes = 8u << 20});
  const auto extents = make_file(1, 9u << 20);
  EXPECT_EQ(filler_->fill(Scope{}, {"a", 9u << 20}, extents).error().code, Code::kNoSpace);
  EXPECT_EQ(gets(), 0u);
}

TEST_F(FileFillerTest, ManyFilesShareThreadsAndMemory) {
  reopen({.budget_bytes = 9u << 20}, {.threads = 3, .queue_max = 4});
  std::vector<std::shared_ptr<FileFill>> fills;
  std::vector<std::shared_ptr<const ExtentList>> files;
  for (std::uint64_t slice = 1; slice <= 40; ++slice)
    files.push_back(make_file(slice, static_cast<std::uint32_t>(slice * 70'000)));
  for (std::uint64_t slice = 1; slice <= 40; ++slice)
    fills.push_back(fill("f" + std::to_string(slice), files[slice - 1]));
  for (std::uint64_t slice = 1; slice <= 40; ++slice) {
    ASSERT_TRUE(fills[slice - 1]->wait(within(seconds(60))));
    EXPECT_EQ(bytes_of_copy(*fills[slice - 1]->file()), content(slice, slice * 70'000));
  }
  EXPECT_LE(faulty_.most_at_once(Method::kGet), 3u);
}

TEST_F(FileFillerTest, AFullQueueIsWaitedForWithinTheScope) {
  reopen({}, {.threads = 1, .queue_max = 1});
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  const auto one = fill("a", make_file(1, 1000));
  ASSERT_TRUE(faulty_.wait_for_held(within(seconds(60)), 1));
  const auto two = fill("b", make_file(2, 1000));
  EXPECT_EQ(filler_->fill(within(milliseconds(5)), {"c", 1000}, make_file(3, 1000)).error().code, Code::kTimedOut);
  faulty_.end(hold);
  EXPECT_TRUE(one->wait(within(seconds(60))));
  EXPECT_TRUE(two->wait(within(seconds(60))));
  EXPECT_TRUE(fill("c", make_file(3, 1000))->wait(within(seconds(60))));
}

TEST_F(FileFillerTest, ClosingWaitsAndThenRefuses) {
  const auto hold = faulty_.add({.kind = FaultKind::kHold, .method = Method::kGet});
  const auto one = fill("a", make_file(1, 1000));
  EXPECT_EQ(filler_->close(within(milliseconds(5))).error().code, Code::kTimedOut);
  faulty_.end(hold);
  ASSERT_TRUE(filler_->close(within(seconds(60))));
  EXPECT_TRUE(one->has_ended());
  EXPECT_EQ(filler_->fill(Scope{}, {"b", 1000}, make_file(2, 1000)).error().code, Code::kBadHandle);
}

TEST_F(FileFillerTest, DamagedBlocksNeverBecomeACopy) {
  const auto extents = make_file(1, 3u << 20);
  ASSERT_TRUE(memory_.damage("chunks/0/0/1_1_1048576", 77));
  EXPECT_EQ(fill("a", extents)->wait(within(seconds(60))).error().code, Code::kDamaged);
  EXPECT_FALSE(tier_->find({"a", 3u << 20})->is_complete());
}

}  // namespace
}  // namespace headrace::block
