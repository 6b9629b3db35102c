// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "base/rng.h"
#include "meta/ops/operations.h"
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::LockRange;
using testing::TestVolume;

constexpr LockOwner kAnna{1}, kBen{2};
constexpr std::uint64_t kToTheEnd = 0x7FFFFFFFFFFFFFFF;

TEST(ApplyLock, NeighboursOfOneKindAreOneRange) {
  EXPECT_EQ(ops::apply_lock({{F_RDLCK, 1, 0, 9}}, {F_RDLCK, 1, 10, 19}), (std::vector<LockRange>{{F_RDLCK, 1, 0, 19}}));
  EXPECT_EQ(ops::apply_lock({{F_RDLCK, 1, 0, 9}}, {F_WRLCK, 1, 10, 19}),
            (std::vector<LockRange>{{F_RDLCK, 1, 0, 9}, {F_WRLCK, 1, 10, 19}}));
}

TEST(ApplyLock, TheNewRangeCutsTheOld) {
  EXPECT_EQ(ops::apply_lock({{F_RDLCK, 1, 0, 99}}, {F_WRLCK, 1, 10, 19}),
            (std::vector<LockRange>{{F_RDLCK, 1, 0, 9}, {F_WRLCK, 1, 10, 19}, {F_RDLCK, 1, 20, 99}}));
  EXPECT_EQ(ops::apply_lock({{F_RDLCK, 1, 0, 99}}, {F_UNLCK, 1, 0, 49}),
            (std::vector<LockRange>{{F_RDLCK, 1, 50, 99}}));
  EXPECT_TRUE(ops::apply_lock({{F_RDLCK, 1, 0, kToTheEnd}}, {F_UNLCK, 1, 0, ~0ull}).empty());
}

TEST(ApplyLock, AnyHistoryLeavesEachByteItsLastLock) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  std::vector<LockRange> ranges;
  std::vector<std::uint32_t> bytes(64, F_UNLCK);
  for (int step = 0; step < 2000; ++step) {
    const std::uint64_t start = rng.below(64), end = start + rng.below(64 - start);
    const LockRequest request{static_cast<std::uint32_t>(rng.below(3)), 1, start, end};
    ranges = ops::apply_lock(ranges, request);
    for (std::uint64_t at = start; at <= end; ++at) bytes[at] = request.type;
    std::vector<std::uint32_t> shown(64, F_UNLCK);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      for (std::uint64_t at = ranges[i].start; at <= ranges[i].end; ++at) shown[at] = ranges[i].type;
      const bool touches = i > 0 && ranges[i - 1].end + 1 == ranges[i].start;
      ASSERT_TRUE(i == 0 || ranges[i - 1].end < ranges[i].start);
      ASSERT_FALSE(touches && ranges[i - 1].type == ranges[i].type);
    }
    ASSERT_EQ(shown, bytes);
  }
}

class PosixLock : public testing::EachEngine {};
ON_EACH_ENGINE(PosixLock);

TEST_P(PosixLock, OnlyOverlapsWithAWriterConflict) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->setlk(scope_, file, kAnna, {F_RDLCK, 10, 0, 99}));
  EXPECT_TRUE(volume->setlk(scope_, file, kBen, {F_RDLCK, 20, 50, 149}));
  EXPECT_EQ(volume->setlk(scope_, file, kBen, {F_WRLCK, 20, 99, 99}).code(), Code::kWouldBlock);
  EXPECT_TRUE(volume->setlk(scope_, file, kBen, {F_WRLCK, 20, 100, kToTheEnd}));
  EXPECT_EQ(volume->setlk(scope_, file, kAnna, {F_RDLCK, 10, 0, 100}).code(), Code::kWouldBlock);
}

TEST_P(PosixLock, TheFirstConflictIsTold) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->setlk(scope_, file, kAnna, {F_WRLCK, 10, 200, 299}));
  ASSERT_TRUE(volume->setlk(scope_, file, kAnna, {F_RDLCK, 10, 100, 149}));
  const auto conflict = volume->getlk(scope_, file, kBen, {F_WRLCK, 20, 0, kToTheEnd});
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->type, static_cast<std::uint32_t>(F_RDLCK));
  EXPECT_EQ(conflict->start, 100u);
  EXPECT_EQ(conflict->end, 149u);
  EXPECT_EQ(conflict->pid, 10u);
  EXPECT_EQ(volume->getlk(scope_, file, kBen, {F_RDLCK, 20, 0, 199})->type, static_cast<std::uint32_t>(F_UNLCK));
  EXPECT_EQ(volume->getlk(scope_, file, kAnna, {F_WRLCK, 10, 0, kToTheEnd})->type, static_cast<std::uint32_t>(F_UNLCK));
}

TEST_P(PosixLock, APidOfAnotherMachineIsNotTold) {
  TestVolume volume(GetParam());
  const auto other = volume.open_another();
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(other->setlk(scope_, file, kAnna, {F_WRLCK, 10, 0, 9}));
  EXPECT_EQ(volume->getlk(scope_, file, kAnna, {F_RDLCK, 20, 0, 0})->pid, 0u);
  EXPECT_EQ(volume->setlk(scope_, file, kAnna, {F_RDLCK, 20, 0, 0}).code(), Code::kWouldBlock);
}

TEST_P(PosixLock, AnOwnerWithoutRangesHasNoRecord) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const records::PosixLockKey key{file, volume->session(), kAnna};
  ASSERT_TRUE(volume->setlk(scope_, file, kAnna, {F_WRLCK, 10, 0, 9}));
  EXPECT_TRUE(volume.record(key));
  ASSERT_TRUE(volume->setlk(scope_, file, kAnna, {F_UNLCK, 10, 0, kToTheEnd}));
  EXPECT_FALSE(volume.record(key));
}

TEST_P(PosixLock, ALockWhoseSessionIsGoneDoesNotCount) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.put_record(records::PosixLockKey{file, SessionId{99}, kBen}, {{F_WRLCK, 1, 0, kToTheEnd}});
  EXPECT_TRUE(volume->setlk(scope_, file, kAnna, {F_WRLCK, 10, 0, 9}));
}

TEST_P(PosixLock, AnOwnerHasOnlySoManyRanges) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  std::vector<LockRange> many;
  for (std::uint64_t i = 0; i < 2700; ++i) many.push_back({F_WRLCK, 10, i * 2, i * 2});
  volume.put_record(records::PosixLockKey{file, volume->session(), kAnna}, many);
  EXPECT_EQ(volume->setlk(scope_, file, kAnna, {F_WRLCK, 10, 100'000, 100'000}).code(), Code::kNoMemory);
  EXPECT_TRUE(volume->setlk(scope_, file, kAnna, {F_WRLCK, 10, 0, 100'000}));
}

TEST_P(PosixLock, RangesThatCannotBeAreRefused) {
  TestVolume volume(GetParam());
  EXPECT_EQ(volume->setlk(scope_, kRootIno, kAnna, {F_WRLCK, 10, 9, 0}).code(), Code::kInvalid);
  EXPECT_EQ(volume->setlk(scope_, kRootIno, kAnna, {7, 10, 0, 9}).code(), Code::kInvalid);
  EXPECT_EQ(volume->setlk(scope_, Ino{77}, kAnna, {F_WRLCK, 10, 0, 9}).code(), Code::kNotFound);
}

}  // namespace
}  // namespace headrace::meta
