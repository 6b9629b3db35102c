// SPDX-License-Identifier: Apache-2.0
// The log stays short, whoever writes and reads, and is gone when nobody is there.
#include "records/sqlite/checkpointer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "records/sqlite/engine.h"
#include "records/testing/raw_sqlite.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

/// Remembers when the log was brought in, and how far.
class Checkpoints final : public EngineObserver {
 public:
  explicit Checkpoints(const Clock& clock) : clock_(clock) {}
  void on_commit(std::size_t, Duration) override {}
  void on_sync(Duration) override {}
  void on_restart(std::size_t) override {}
  void on_busy(Duration) override {}
  void on_checkpoint(std::uint64_t log, std::uint64_t copied, Duration took) override {
    MutexLock lock(mutex_);
    const Moment end = clock_.now();
    spans_.emplace_back(end - took, end);
    longest_ = std::max(longest_, log);
    whole_ += log == copied ? 1 : 0;
  }
  std::size_t count() {
    MutexLock lock(mutex_);
    return spans_.size();
  }
  std::size_t whole() {
    MutexLock lock(mutex_);
    return whole_;
  }
  std::uint64_t longest() {
    MutexLock lock(mutex_);
    return longest_;
  }
  /// From the end of one to the begin of the next, of all who share this observer.
  Duration shortest_gap() {
    MutexLock lock(mutex_);
    std::sort(spans_.begin(), spans_.end());
    Duration shortest = Duration::max();
    for (std::size_t i = 1; i < spans_.size(); ++i)
      shortest = std::min(shortest, spans_[i].first - spans_[i - 1].second);
    return shortest;
  }

 private:
  const Clock& clock_;
  Mutex mutex_;
  std::vector<std::pair<Moment, Moment>> spans_ GUARDED_BY(mutex_);
  std::uint64_t longest_ GUARDED_BY(mutex_) = 0;
  std::size_t whole_ GUARDED_BY(mutex_) = 0;
};

class CheckpointerTest : public testing::Test {
 protected:
  std::unique_ptr<RecordEngine> open() {
    SqliteTuning tuning;
    tuning.checkpoint.log_pages = 100;
    tuning.checkpoint.apart = std::chrono::milliseconds(10);
    tuning.checkpoint.after_partial = std::chrono::milliseconds(20);
    return open_sqlite_engine(path_, OpenOptions{true, false, &seen_}, scheduler_, tuning).value();
  }
  static Result<void> write(RecordEngine& engine, std::uint64_t number) {
    return engine.run(Scope{}, Commit::kVisible, {}, [&](RecordTxn& txn) -> Result<void> {
      put(txn, SymlinkKey{Ino{number}}, SymlinkRecord{std::string(3000, 'x')});
      return {};
    });
  }
  std::uintmax_t log_bytes() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(path_ + "-wal", none);
    return none ? 0 : size;
  }

  SystemScheduler scheduler_;
  Checkpoints seen_{scheduler_.clock()};
  TempFolder folder_;
  const std::string path_ = folder_.file("volume.db");
};

TEST_F(CheckpointerTest, ALongReaderDelaysItAndNothingIsLost) {
  const auto engine = open();
  ASSERT_TRUE(write(*engine, 1));
  RawSqlite reader(path_);
  reader.run("BEGIN; SELECT count(*) FROM jfs_symlink");
  std::uint64_t written = 1;
  while (seen_.count() < 3) ASSERT_TRUE(write(*engine, ++written));
  EXPECT_EQ(seen_.whole(), 0u);
  EXPECT_EQ(reader.run("SELECT count(*) FROM jfs_symlink"), std::vector<std::string>{"1"});
  reader.run("COMMIT");
  while (seen_.whole() == 0) ASSERT_TRUE(write(*engine, ++written));
  EXPECT_EQ(reader.run("SELECT count(*) FROM jfs_symlink"), std::vector<std::string>{std::to_string(written)});
}

TEST_F(CheckpointerTest, TheLogStaysShortUnderConstantReaders) {
  const auto engine = open();
  ASSERT_TRUE(write(*engine, 1));
  std::atomic<std::uint64_t> reads = 0;
  std::vector<std::jthread> readers;
  for (int reader = 0; reader < 4; ++reader) {
    readers.emplace_back([&, reader](std::stop_token stop) {
      while (!stop.stop_requested()) {
        const auto listed = engine->read(Scope{}, {}, [&](RecordTxn& txn) -> Result<std::vector<Item>> {
          if (reader != 0) return txn.scan(WholeVolume{Whole::kSymlinks, 0}, 20);
          TRY_OK(get(txn, SymlinkKey{Ino{1}}));
          return std::vector<Item>();
        });
        EXPECT_TRUE(listed) << listed.error().text();
        ++reads;
      }
    });
  }
  std::uintmax_t longest = 0;
  for (std::uint64_t written = 1; written < 8000; ++written) {
    ASSERT_TRUE(write(*engine, written));
    longest = std::max(longest, log_bytes());
  }
  readers.clear();
  // 24 MB and more went through a log whose turn comes after 0.4 MB.
  EXPECT_LT(longest, 8u << 20);
  EXPECT_GT(seen_.whole(), 3u);
  EXPECT_GT(reads, 100u);
}

TEST_F(CheckpointerTest, TwoEnginesTakeTurnsAndKeepTheirDistance) {
  const auto one = open(), other = open();
  std::uint64_t written = 0;
  while (seen_.count() < 8) {
    ASSERT_TRUE(write(*one, ++written));
    ASSERT_TRUE(write(*other, ++written));
  }
  EXPECT_GE(seen_.shortest_gap(), std::chrono::milliseconds(10));
  EXPECT_EQ(RawSqlite(path_).run("PRAGMA integrity_check; SELECT count(*) FROM jfs_symlink"),
            (std::vector<std::string>{"ok", std::to_string(written)}));
}

TEST_F(CheckpointerTest, TheLastToCloseLeavesOnlyTheDatabase) {
  auto one = open(), other = open();
  std::uint64_t written = 0;
  while (seen_.count() < 1) ASSERT_TRUE(write(*one, ++written));
  EXPECT_TRUE(std::filesystem::exists(path_ + "-headrace-checkpoint"));
  one.reset();
  EXPECT_TRUE(std::filesystem::exists(path_ + "-wal"));
  ASSERT_TRUE(write(*other, ++written));
  other.reset();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
  EXPECT_EQ(RawSqlite(path_).run("SELECT count(*) FROM jfs_symlink"),
            std::vector<std::string>{std::to_string(written)});
}

TEST_F(CheckpointerTest, AnotherProcessAtItIsLeftAlone) {
  const auto engine = open();
  ASSERT_TRUE(write(*engine, 1));
  const SqliteLocation location{path_, "jfs_"};
  const auto database = SqliteDatabase::open(location, OpenOptions{}, scheduler_).value();
  ReaderPool readers(scheduler_, [&] { return database->connect(); });
  SharedSync sync(scheduler_, []() -> Result<void> { return {}; }, nullptr);
  WriterStore store(scheduler_, *database, sync, nullptr, [](std::uint64_t) {});
  CheckpointPolicy policy;
  policy.apart = std::chrono::milliseconds(1);
  Checkpointer checkpointer(scheduler_, *database, readers, nullptr, policy);
  checkpointer.start(store);

  const UniqueFd theirs(::open(location.checkpoint_lock_path().c_str(), O_RDWR | O_CREAT, 0666));
  ASSERT_EQ(::flock(theirs.get(), LOCK_EX), 0);
  const Result<Checkpointer::Outcome> refused = checkpointer.run_once(Scope{});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.code(), Code::kWouldBlock);
  ASSERT_EQ(::flock(theirs.get(), LOCK_UN), 0);
  const Result<Checkpointer::Outcome> outcome = checkpointer.run_once(Scope{});
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_GT(outcome->log_pages, 0u);
  EXPECT_EQ(outcome->copied_pages, outcome->log_pages);
}

TEST_F(CheckpointerTest, ALockFileThatWasRemovedElectsNobody) {
  const SqliteLocation location{path_, "jfs_"};
  const auto engine = open();
  std::uint64_t written = 0;
  while (seen_.count() < 1) ASSERT_TRUE(write(*engine, ++written));
  // Its open file is no longer the one at the path: it must take the new one, which we hold.
  const UniqueFd removed(::open(location.checkpoint_lock_path().c_str(), O_RDWR));
  ASSERT_EQ(::flock(removed.get(), LOCK_EX), 0) << "one that has begun ends first";
  std::filesystem::remove(location.checkpoint_lock_path());
  const UniqueFd ours(::open(location.checkpoint_lock_path().c_str(), O_RDWR | O_CREAT, 0666));
  ASSERT_EQ(::flock(ours.get(), LOCK_EX), 0);
  ASSERT_EQ(::flock(removed.get(), LOCK_UN), 0);
  const std::size_t before = seen_.count();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(write(*engine, ++written));
  EXPECT_EQ(seen_.count(), before);
  ASSERT_EQ(::flock(ours.get(), LOCK_UN), 0);
  while (seen_.count() == before) ASSERT_TRUE(write(*engine, ++written));
}

}  // namespace
}  // namespace headrace::records
