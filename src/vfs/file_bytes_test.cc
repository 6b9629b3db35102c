// SPDX-License-Identifier: Apache-2.0
// One file's bytes: what is written is seen at once, committed in order, and never half.
#include "vfs/file_bytes.h"

#include <algorithm>
#include <array>
#include <latch>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "vfs/testing/test_mount.h"

namespace headrace::vfs {
namespace {

using testing::TestMount;

class FileBytesTest : public ::testing::Test {
 protected:
  FileBytesTest()
      : ino_(mount_.new_file("f")),
        file_(std::make_unique<FileBytes>(mount_.context, ino_, mount_.volume.attr(ino_))) {}

  void write(std::uint64_t offset, std::string_view text) {
    ASSERT_TRUE(file_->write(scope_, offset, false, bytes_of(text), nullptr));
  }
  std::string read(std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    const Result<std::size_t> got = file_->read(scope_, offset, std::as_writable_bytes(std::span(text)));
    if (!got) return "error: " + got.error().text();
    text.resize(*got);
    return text;
  }
  /// A second mount's view: what is committed and nothing else.
  std::string committed(std::uint64_t offset, std::size_t size) {
    FileBytes other(mount_.context, ino_, mount_.volume.attr(ino_));
    std::string text(size, '?');
    const Result<std::size_t> got = other.read(scope_, offset, std::as_writable_bytes(std::span(text)));
    if (!got) return "error: " + got.error().text();
    text.resize(*got);
    return text;
  }

  TestMount mount_;
  const Scope scope_;
  const Ino ino_;
  std::unique_ptr<FileBytes> file_;
};

TEST_F(FileBytesTest, AWriteIsSeenBeforeItIsStored) {
  mount_.blocks.hold_uploads();
  write(0, "hello");
  EXPECT_EQ(read(0, 100), "hello");
  EXPECT_EQ(file_->length(), 5u);
  EXPECT_EQ(committed(0, 100), "");
  mount_.blocks.release_uploads();
}

TEST_F(FileBytesTest, AStoreThatComesLateLengthensNoFile) {
  write(0, "hello");
  ASSERT_TRUE(file_->truncate(scope_, Caller{}, 3, nullptr));
  ASSERT_TRUE(file_->write_back(scope_, 0, bytes_of("HELLO"), nullptr));
  EXPECT_EQ(read(0, 100), "HEL");
  ASSERT_TRUE(file_->write_back(scope_, 3, bytes_of("LO"), nullptr));
  EXPECT_EQ(file_->length(), 3u);
}

/// The kernel brings a page of a mapping while it takes a notification.
class StoringWatcher final : public ByteWatcher {
 public:
  StoringWatcher(FileBytes& file, std::uint64_t offset) : file_(file), offset_(offset) {}
  Result<void> before_change(const Scope& scope, std::uint64_t, std::uint64_t) override { return store(scope, "<"); }
  Result<void> wrote(std::uint64_t, ByteSpan) override { return {}; }
  Result<void> resized(const LengthChange&) override { return {}; }
  Result<void> replaced(const Scope&, std::uint64_t, std::uint64_t) override { return {}; }
  Result<void> settle(const Scope& scope) override { return store(scope, ">"); }

 private:
  Result<void> store(const Scope& scope, std::string_view text) {
    return file_.write_back(scope, offset_++, bytes_of(text), nullptr);
  }
  FileBytes& file_;
  std::uint64_t offset_;
};

TEST_F(FileBytesTest, StoresThatAChangeBringsInGetTheTurn) {
  write(0, "0123456789");
  StoringWatcher kernel(*file_, 4);
  ASSERT_TRUE(file_->write(scope_, 0, false, bytes_of("ab"), &kernel));
  EXPECT_EQ(read(0, 100), "ab23<>6789");
  StoringWatcher once_more(*file_, 0);
  ASSERT_TRUE(file_->truncate(scope_, Caller{}, 5, &once_more));
  EXPECT_EQ(read(0, 100), ">b23<");
}

TEST_F(FileBytesTest, AFlushedWriteIsCommitted) {
  write(0, "hello");
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(committed(0, 100), "hello");
  EXPECT_FALSE(file_->is_dirty());
}

TEST_F(FileBytesTest, WhatIsCompactedBeforeItsCommitIsKnownHereIsStillRead) {
  std::string seen;
  std::jthread reader;
  // Asked for between the commit in the metadata and this mount's knowing of it, after 100 references.
  mount_.context.list_is_long = [&](Ino, ChunkIndex chunk) {
    mount_.compact(ino_, chunk);
    const std::uint64_t before = mount_.blocks.reads();
    reader = std::jthread([&] { seen = read(0, 1000); });
    SystemScheduler real;
    for (int i = 0; i < 20'000 && mount_.blocks.reads() == before; ++i)
      ASSERT_TRUE(pause(real, Scope{}, std::chrono::milliseconds(1)));
    ASSERT_GT(mount_.blocks.reads(), before) << "the reader did not come";
  };
  std::string all;
  for (int i = 0; !reader.joinable() && i < 1000; ++i) {
    write(all.size(), std::to_string(i));
    all += std::to_string(i);
    ASSERT_TRUE(file_->flush(scope_));
  }
  ASSERT_TRUE(reader.joinable());
  reader.join();
  EXPECT_EQ(seen, all);
}

TEST_F(FileBytesTest, BytesThatAreGoneAreAnErrorAfterAFewLists) {
  write(0, "hello");
  ASSERT_TRUE(file_->flush(scope_));
  for (const records::Item& item : mount_.volume.all(records::Whole::kSliceRefs))
    ASSERT_TRUE(mount_.blocks.remove_slice(scope_, std::get<records::SliceRefKey>(item.key).id, 5));
  const std::uint64_t before = mount_.blocks.reads();
  std::array<std::byte, 5> bytes;
  EXPECT_EQ(file_->read(scope_, 0, bytes).code(), Code::kIo);
  EXPECT_EQ(mount_.blocks.reads() - before, 5u);
}

TEST_F(FileBytesTest, AttributesReadBeforeACommitDoNotHideWhatItBrought) {
  write(0, "hello");
  const Commits::Mark asked = mount_.commits.mark();
  const Attr before = mount_.volume.attr(ino_);
  EXPECT_EQ(file_->overlaid(before).length, 5u) << "pending";
  EXPECT_FALSE(mount_.commits.since(asked, ino_));
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_TRUE(mount_.commits.since(asked, ino_)) << "a link or a getattr read them, then the flusher was faster";
  EXPECT_FALSE(file_->refresh({before, asked})) << "an open read them, then the flusher was faster";
  EXPECT_EQ(file_->length(), 5u);
  EXPECT_EQ(file_->write(scope_, 0, true, bytes_of(" world"), nullptr).value(), 5u) << "appended to what was committed";

  const Commits::Mark later = mount_.commits.mark();
  Attr shorter = mount_.volume.attr(ino_);
  shorter.length = 2;
  ASSERT_TRUE(file_->flush(scope_));
  shorter.ctime.seconds += 1;
  EXPECT_FALSE(file_->refresh({shorter, later}));
  EXPECT_TRUE(file_->refresh({shorter, mount_.commits.mark()})) << "another mount cut it";
  EXPECT_EQ(file_->length(), 2u);
}

TEST_F(FileBytesTest, AWriteWaitsForTheCompactionOfAFullList) {
  const records::SlicesKey list{ino_, ChunkIndex{0}};
  mount_.volume.put_record(list, records::SliceList(2500, {0, SliceId{0}, 0, 0, 10}));
  int asked = 0;
  mount_.context.list_is_long = [&](Ino ino, ChunkIndex chunk) {
    EXPECT_EQ(ino, ino_);
    EXPECT_EQ(chunk, ChunkIndex{0});
    if (++asked == 3) mount_.volume.put_record(list, {{0, SliceId{0}, 0, 0, 10}});
  };
  write(0, "hello");
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(committed(0, 100), "hello");
}

TEST_F(FileBytesTest, WhoOnlyWritesAsksForCompactionNowAndThen) {
  int asked = 0;
  mount_.context.list_is_long = [&](Ino, ChunkIndex) { ++asked; };
  for (int i = 0; i < 250; ++i) {
    write(static_cast<std::uint64_t>(i), "x");
    ASSERT_TRUE(file_->flush(scope_));
  }
  EXPECT_EQ(asked, 2);
}

TEST_F(FileBytesTest, TheNewestWriteWinsWhereverItLies) {
  write(0, "aaaaaaaaaa");
  write(3, "bbb");
  write(5, "cc");
  EXPECT_EQ(read(0, 100), "aaabbccaaa");
  ASSERT_TRUE(file_->flush(scope_));
  write(0, "d");
  EXPECT_EQ(read(0, 100), "daabbccaaa");
  EXPECT_EQ(committed(0, 100), "aaabbccaaa");
}

TEST_F(FileBytesTest, AGapReadsAsZeros) {
  write(4, "x");
  EXPECT_EQ(read(0, 100), std::string("\0\0\0\0x", 5));
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(read(0, 100), std::string("\0\0\0\0x", 5));
}

TEST_F(FileBytesTest, AnAppendGoesToTheEndWhereverItIsNow) {
  write(0, "abc");
  ASSERT_TRUE(file_->write(scope_, 0, true, bytes_of("def"), nullptr));
  EXPECT_EQ(read(0, 100), "abcdef");
}

TEST_F(FileBytesTest, AWriteAcrossAChunkBorderIsWhole) {
  const std::uint64_t border = kChunkBytes - 3;
  write(border, "abcdef");
  EXPECT_EQ(read(border, 6), "abcdef");
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(committed(border, 6), "abcdef");
}

TEST_F(FileBytesTest, AFlushWhoseTimeIsUpLosesNothing) {
  write(0, "hello");
  mount_.blocks.hold_uploads();
  const Scope no_time{mount_.volume.scheduler().clock().now(), {}};
  EXPECT_EQ(file_->flush(no_time).code(), Code::kTimedOut);
  EXPECT_EQ(read(0, 100), "hello");
  mount_.blocks.release_uploads();
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(committed(0, 100), "hello");
}

TEST_F(FileBytesTest, AWriteThatCannotBeStoredIsToldOnceToEachHandleAndLeavesNothing) {
  write(0, "kept");
  ASSERT_TRUE(file_->flush(scope_));
  std::uint64_t first_handle = file_->error_count(), second_handle = first_handle;
  mount_.blocks.fail_uploads(Code::kNoSpace);
  write(0, "lost");
  EXPECT_EQ(file_->flush(scope_).code(), Code::kNoSpace);
  mount_.blocks.fail_uploads({});
  EXPECT_EQ(file_->take_error(first_handle).code(), Code::kNoSpace);
  EXPECT_TRUE(file_->take_error(first_handle));
  EXPECT_EQ(file_->take_error(second_handle).code(), Code::kNoSpace);
  EXPECT_EQ(read(0, 100), "kept");
  EXPECT_FALSE(file_->is_dirty());
  EXPECT_EQ(mount_.blocks.stored_slices(), 1u);
}

TEST_F(FileBytesTest, AWriterWithoutMemoryMakesRoomByStoringWhatItHolds) {
  mount_.blocks.limit_buffer(1000);
  const std::string piece(400, 'p');
  for (std::uint64_t i = 0; i < 20; ++i) write(i * 400, piece);
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(committed(0, 10'000).size(), 8000u);
}

TEST_F(FileBytesTest, ATimeSetByHandSurvivesTheFlushOfEarlierWrites) {
  write(0, "x");
  const Timestamp set{1234567890, 5};
  meta::AttrChange change;
  change.mtime = set;
  ASSERT_TRUE(mount_.volume->setattr(scope_, Caller{}, ino_, change));
  file_->set_modified(set);
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(mount_.volume.attr(ino_).mtime, set);
}

TEST_F(FileBytesTest, ManySmallWritesInOrderBecomeOneSlice) {
  for (std::uint64_t i = 0; i < 1000; ++i) write(i * 10, "0123456789");
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(mount_.blocks.stored_slices(), 1u);
}

TEST_F(FileBytesTest, ReadersSeeWholeRecordsWhileOthersWriteAndFlush) {
  // Each record repeats its own number; a reader must never see two numbers in one record.
  // Nobody compacts here, so that there are fewer writes than a chunk's list takes references.
  constexpr int kRecord = 512, kRecords = 64, kRounds = 35;
  const auto record = [](int value) { return std::string(kRecord, static_cast<char>('a' + value % 26)); };
  for (int i = 0; i < kRecords; ++i) write(static_cast<std::uint64_t>(i) * kRecord, record(0));
  std::latch start(4);
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0, reads = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        for (int round = 1; round < kRounds; ++round) {
          for (int i = t; i < kRecords; i += 2)
            EXPECT_TRUE(
                file_->write(scope_, static_cast<std::uint64_t>(i) * kRecord, false, bytes_of(record(round)), nullptr));
        }
        stop = true;
      });
    }
    threads.emplace_back([&] {
      start.arrive_and_wait();
      while (!stop) EXPECT_TRUE(file_->flush(scope_));
    });
    threads.emplace_back([&] {
      start.arrive_and_wait();
      do {
        for (int i = 0; i < kRecords; ++i) {
          const std::string seen = read(static_cast<std::uint64_t>(i) * kRecord, kRecord);
          if (seen != std::string(kRecord, seen.empty() ? '?' : seen[0])) ++torn;
          ++reads;
        }
      } while (!stop);
    });
  }
  EXPECT_EQ(torn, 0);
  EXPECT_GT(reads, 0);
  ASSERT_TRUE(file_->flush(scope_));
  EXPECT_EQ(committed(0, kRecord), record(kRounds - 1));
}

/// Random operations against a plain string, near the borders of chunks; the seed is printed.
TEST_F(FileBytesTest, RandomOperationsEqualAPlainString) {
  const auto seed = static_cast<unsigned>(random_seed());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  const auto below = [&rng](std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(rng);
  };
  // The string stands for a window around the first chunk border, so that it stays small. Nobody compacts: so many
  // steps fit into a list.
  const std::uint64_t base = kChunkBytes - 4096;
  std::string model;
  ASSERT_TRUE(file_->truncate(scope_, Caller{}, base, nullptr));
  for (int step = 0; step < 1000; ++step) {
    const std::uint64_t at = below(8192), size = 1 + below(2000);
    switch (below(8)) {
      case 0:
      case 1:
      case 2: {
        const std::string text(size, static_cast<char>('a' + below(26)));
        write(base + at, text);
        if (model.size() < at + size) model.resize(at + size, '\0');
        model.replace(at, size, text);
        break;
      }
      case 3: ASSERT_TRUE(file_->flush(scope_)); break;
      case 4:
        ASSERT_TRUE(file_->truncate(scope_, Caller{}, base + at, nullptr));
        model.resize(at, '\0');
        break;
      case 5:
        ASSERT_TRUE(file_->fallocate(scope_, Caller{}, meta::kFallocateKeepSize | meta::kFallocatePunchHole, base + at,
                                     size, nullptr));
        for (std::uint64_t i = at; i < std::min<std::uint64_t>(at + size, model.size()); ++i) model[i] = '\0';
        break;
      case 6: {
        if (model.empty()) break;
        const std::uint64_t from = below(model.size());
        const std::uint64_t to = from + size + below(3000);  // beyond the source: no overlap
        const Result<std::uint64_t> copied = file_->copy_from(scope_, *file_, base + from, base + to, size, nullptr);
        ASSERT_TRUE(copied) << copied.error().text();
        const std::string part = model.substr(from, *copied);
        if (model.size() < to + part.size()) model.resize(to + part.size(), '\0');
        model.replace(to, part.size(), part);
        break;
      }
      default: ASSERT_EQ(read(base + at, size), at < model.size() ? model.substr(at, size) : "") << "step " << step;
    }
    ASSERT_EQ(file_->length(), base + model.size()) << "step " << step;
  }
  ASSERT_EQ(read(base, 20'000), model);
  ASSERT_TRUE(file_->flush(scope_));
  ASSERT_EQ(committed(base, 20'000), model);
}

}  // namespace
}  // namespace headrace::vfs
