// SPDX-License-Identifier: Apache-2.0
#include "block/readahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "object/testing/test_seed.h"

namespace headrace::block {
namespace {

constexpr std::uint64_t kKiB = 1u << 10, kMiB = 1u << 20, kGiB = 1u << 30;

std::uint64_t bytes_of_all(const ByteRanges& ranges) {
  std::uint64_t bytes = 0;
  for (const ByteRange& range : ranges) bytes += range.size();
  return bytes;
}

TEST(Readahead, ASequentialReaderIsAlwaysExpectedAndNothingIsAskedForTwice) {
  Readahead readahead;
  const std::uint64_t length = kGiB + 12'345;
  std::uint64_t asked_to = 0, largest = 0;
  int surprises = 0;
  for (std::uint64_t at = 0; at < length; at += 128 * kKiB) {
    if (at >= 128 * kKiB && at + 128 * kKiB > asked_to && asked_to < length) ++surprises;
    for (const ByteRange& range : readahead.on_read(at, 128 * kKiB, length)) {
      EXPECT_GE(range.begin, asked_to);
      EXPECT_LE(range.begin, std::max(asked_to, at + 128 * kKiB)) << "a gap";
      EXPECT_LE(range.end, length);
      asked_to = range.end;
      largest = std::max(largest, range.size());
    }
  }
  EXPECT_EQ(surprises, 0);
  EXPECT_EQ(asked_to, length);
  EXPECT_GT(largest, 8 * kMiB) << "the window grows";
  EXPECT_LE(largest, 32 * kMiB);
}

TEST(Readahead, ASequentialReaderFromTheMiddleIsSeenAtItsSecondRead) {
  Readahead readahead;
  EXPECT_TRUE(readahead.on_read(500 * kMiB, 128 * kKiB, kGiB).empty());
  const ByteRanges ranges = readahead.on_read(500 * kMiB + 128 * kKiB, 128 * kKiB, kGiB);
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(*ranges.begin(), (ByteRange{500 * kMiB + 256 * kKiB, 501 * kMiB + 256 * kKiB}));
}

TEST(Readahead, RandomReadsAskForNothing) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  Readahead readahead;
  std::uint64_t asked = 0, read = 0;
  for (int i = 0; i < 5000; ++i) {
    asked += bytes_of_all(readahead.on_read(rng.below(100 * kGiB / 4096) * 4096, 4096, 100 * kGiB));
    read += 4096;
  }
  EXPECT_LT(asked, read / 20);
}

TEST(Readahead, ReadsALittleOutOfOrderAreStillSequential) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  Readahead readahead;
  std::uint64_t asked = 0;
  for (std::uint64_t at = 0; at < 256 * kMiB; at += 512 * kKiB) {
    std::vector<std::uint64_t> offsets = {at, at + 128 * kKiB, at + 256 * kKiB, at + 384 * kKiB};
    for (std::size_t i = 3; i > 0; --i) std::swap(offsets[i], offsets[rng.below(i + 1)]);
    for (const std::uint64_t offset : offsets) asked += bytes_of_all(readahead.on_read(offset, 128 * kKiB, kGiB));
  }
  EXPECT_GT(asked, 200 * kMiB);
  EXPECT_LE(asked, 300 * kMiB);
}

TEST(Readahead, SeveralReadersOfOneHandleAreEachSequential) {
  Readahead readahead;
  std::uint64_t asked[4] = {}, elsewhere = 0;
  for (std::uint64_t at = 0; at < 100 * kMiB; at += 256 * kKiB) {
    for (std::uint64_t reader = 0; reader < 4; ++reader) {
      for (const ByteRange& range : readahead.on_read(reader * 200 * kMiB + at, 256 * kKiB, kGiB)) {
        (range.begin / (200 * kMiB) == reader ? asked[reader] : elsewhere) += range.size();
      }
    }
  }
  for (const std::uint64_t bytes : asked) EXPECT_GT(bytes, 90 * kMiB);
  EXPECT_LT(elsewhere, 2 * kMiB) << "their first reads look like a stride";
}

TEST(Readahead, EqualStridesAreContinued) {
  for (const std::int64_t stride : {static_cast<std::int64_t>(10 * kMiB), -static_cast<std::int64_t>(10 * kMiB)}) {
    Readahead readahead;
    std::vector<ByteRange> asked;
    std::uint64_t offset = stride > 0 ? 7 : 900 * kMiB;
    int unexpected = 0;
    for (int i = 0; i < 60; ++i) {
      const ByteRange reading{offset, offset + 64 * kKiB};
      if (i > 3 && std::ranges::find(asked, reading) == asked.end()) ++unexpected;
      for (const ByteRange& range : readahead.on_read(offset, 64 * kKiB, kGiB)) {
        EXPECT_EQ(range.size(), 64 * kKiB);
        EXPECT_EQ(std::ranges::find(asked, range), asked.end()) << "asked for twice";
        asked.push_back(range);
      }
      offset += static_cast<std::uint64_t>(stride);
    }
    EXPECT_EQ(unexpected, 0) << "stride " << stride;
    EXPECT_LE(asked.size(), 70u);
  }
}

TEST(Readahead, RandomReadsMakeTheWindowSmaller) {
  Readahead readahead;
  std::uint64_t at = 0;
  const auto read_on = [&](std::uint64_t bytes) {
    std::uint64_t largest = 0;
    for (const std::uint64_t end = at + bytes; at < end; at += 256 * kKiB) {
      for (const ByteRange& range : readahead.on_read(at, 256 * kKiB, 100 * kGiB))
        largest = std::max(largest, range.size());
    }
    return largest;
  };
  EXPECT_GT(read_on(256 * kMiB), 8 * kMiB);
  for (std::uint64_t i = 1; i <= 12; ++i) readahead.on_read((50 + i * i) * kGiB / 2, 4096, 100 * kGiB);
  Readahead fresh;
  EXPECT_LE(read_on(32 * kMiB), 32 * kMiB);
  EXPECT_GT(read_on(256 * kMiB), 8 * kMiB) << "and it grows again";
}

TEST(Readahead, ASmallFileIsWantedWholeOnce) {
  Readahead readahead;
  const ByteRanges first = readahead.on_read(1000, 100, 3 * kMiB);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(*first.begin(), (ByteRange{0, 3 * kMiB}));
  EXPECT_TRUE(readahead.on_read(2000, 100, 3 * kMiB).empty());
  Readahead other;
  EXPECT_TRUE(other.on_read(0, 3 * kMiB, 3 * kMiB).empty()) << "the read is the whole file";
}

TEST(Readahead, NothingIsAskedForBeyondTheEnd) {
  Readahead readahead;
  EXPECT_TRUE(readahead.on_read(5 * kMiB, 100, 5 * kMiB).empty());
  EXPECT_TRUE(readahead.on_read(0, 0, 5 * kMiB).empty());
  std::uint64_t end = 0;
  for (std::uint64_t at = 0; at < 5 * kMiB; at += kMiB) {
    for (const ByteRange& range : readahead.on_read(at, kMiB, 5 * kMiB + 1)) end = range.end;
  }
  EXPECT_EQ(end, 5 * kMiB + 1);
}

TEST(Readahead, AnySequenceOfReadsGivesRangesWithinTheFile) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  for (int round = 0; round < 50; ++round) {
    Readahead readahead;
    const std::uint64_t length = 1 + rng.below(200 * kMiB);
    std::uint64_t at = 0;
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t size = rng.below(kMiB);
      if (rng.below(3) == 0) at = rng.below(length + 100);
      for (const ByteRange& range : readahead.on_read(at, size, length)) {
        ASSERT_LT(range.begin, range.end);
        ASSERT_LE(range.end, length);
      }
      at += size;
    }
  }
}

}  // namespace
}  // namespace headrace::block
