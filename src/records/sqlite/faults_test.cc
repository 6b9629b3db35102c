// SPDX-License-Identifier: Apache-2.0
// The disk fails, is full, is damaged, is changed under us: what was acknowledged stays, what was refused did not
// happen.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "records/sqlite/database.h"
#include "records/sqlite/engine.h"
#include "records/sqlite/error.h"
#include "records/testing/fault_vfs.h"
#include "records/testing/raw_sqlite.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

class FaultsTest : public testing::Test {
 protected:
  Result<std::unique_ptr<RecordEngine>> open(const std::string& path) {
    return open_engine("sqlite3://" + path, OpenOptions{true, false, nullptr}, scheduler_);
  }
  /// Two counters that are always equal.
  static Result<void> set_both(RecordEngine& engine, std::int64_t value, Commit commit) {
    return engine.run(Scope{}, commit, {}, [&](RecordTxn& txn) -> Result<void> {
      put(txn, CounterKey{"a"}, value);
      for (std::uint64_t i = 0; i < 20; ++i)
        put(txn, SymlinkKey{Ino{100 + i}}, SymlinkRecord{std::string(500, static_cast<char>('a' + value % 26))});
      put(txn, CounterKey{"b"}, value);
      return {};
    });
  }
  static std::int64_t both(RecordEngine& engine) {
    const auto values = engine.read(Scope{}, {}, [](RecordTxn& txn) -> Result<std::pair<std::int64_t, std::int64_t>> {
      TRY(const auto a, get(txn, CounterKey{"a"}));
      TRY(const auto b, get(txn, CounterKey{"b"}));
      return std::pair(a.value_or(0), b.value_or(0));
    });
    EXPECT_TRUE(values) << values.error().text();
    if (!values) return -1;
    EXPECT_EQ(values->first, values->second);
    return values->first;
  }

  SystemScheduler scheduler_;
  TempFolder folder_;
};

/// Which values may be found afterwards.
struct Expectation {
  std::int64_t acknowledged = 0;
  std::vector<std::int64_t> unknown;
  int refused = 0;

  void note(std::int64_t value, const Result<void>& answer) {
    if (answer) {
      acknowledged = value;
      unknown.clear();
    } else if (answer.code() == Code::kUnknownOutcome) {
      unknown.push_back(value);
    } else {
      ++refused;
    }
  }
  bool allows(std::int64_t value) const {
    return value == acknowledged || std::find(unknown.begin(), unknown.end(), value) != unknown.end();
  }
};

TEST_F(FaultsTest, AtEveryCallOfTheFileLayerAFaultLosesNothingAndInventsNothing) {
  FaultVfs faults;
  int refused = 0;
  std::uint64_t rounds = 0;
  for (const bool for_ever : {false, true}) {
    for (const FaultVfs::Fault fault : {FaultVfs::Fault::kIo, FaultVfs::Fault::kFull}) {
      for (std::uint64_t n = 1;; n += 1 + n / 5) {
        const std::string path = folder_.file("f" + std::to_string(++rounds));
        ASSERT_TRUE(set_both(**open(path), 1, Commit::kVisible));  // and closed
        Expectation expected;
        expected.acknowledged = 1;
        faults.fail_at(n, fault, for_ever);
        Result<std::unique_ptr<RecordEngine>> engine = open(path);
        for (std::int64_t value = 2; engine && value < 8; ++value) {
          expected.note(value, set_both(**engine, value, value % 3 == 0 ? Commit::kDurable : Commit::kVisible));
        }
        if (engine) engine->reset();
        const std::uint64_t fired = faults.fired();
        faults.fail_nothing();
        SCOPED_TRACE("call " + std::to_string(n) + (for_ever ? " and all later" : " alone"));
        ASSERT_EQ(RawSqlite(path).run("PRAGMA integrity_check"), std::vector<std::string>{"ok"});
        engine = open(path);
        ASSERT_TRUE(engine) << engine.error().text();
        const std::int64_t found = both(**engine);
        ASSERT_TRUE(expected.allows(found)) << found << " found, " << expected.acknowledged << " acknowledged";
        refused += expected.refused;
        std::filesystem::remove(path);
        if (fired == 0) break;  // beyond the last call
      }
    }
  }
  EXPECT_GT(refused, 10);
  EXPECT_GT(rounds, 30u);
}

TEST_F(FaultsTest, AFullDiskIsSaidAndPassesWhenThereIsRoom) {
  const std::string mount_point = folder_.file("small");
  std::filesystem::create_directory(mount_point);
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "may not mount";
  {
    const std::string ballast = mount_point + "/ballast";
    std::ofstream(ballast) << std::string(200 << 10, 'x');
    auto engine = open(mount_point + "/volume.db").value();
    std::int64_t value = 0;
    Result<void> answer;
    while (answer && value < 1000) {
      answer = set_both(*engine, ++value, Commit::kVisible);
    }
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.code(), Code::kNoSpace) << answer.error().text();
    EXPECT_EQ(both(*engine), value - 1);
    std::filesystem::remove(ballast);
    EXPECT_TRUE(set_both(*engine, 5000, Commit::kDurable));
    EXPECT_EQ(both(*engine), 5000);
  }
  EXPECT_EQ(::umount2(mount_point.c_str(), MNT_DETACH), 0);
}

TEST_F(FaultsTest, ADamagedFileStopsWritingAndSaysSo) {
  const std::string path = folder_.file("volume.db");
  {
    auto engine = open(path).value();
    ASSERT_TRUE(set_both(*engine, 1, Commit::kVisible));
  }
  const int page = std::stoi(RawSqlite(path).run("SELECT rootpage FROM sqlite_schema WHERE name='jfs_counter'").at(0));
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((page - 1) * 4096);
    file << std::string(4096, '\x5A');
  }
  auto engine = open(path).value();
  const Result<void> first = set_both(*engine, 2, Commit::kVisible);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.code(), Code::kDamaged);
  const Result<void> second = engine->run(Scope{}, Commit::kVisible, {}, [](RecordTxn&) -> Result<void> { return {}; });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.code(), Code::kDamaged);
  EXPECT_NE(second.error().message.find("no more writes"), std::string::npos);
}

TEST_F(FaultsTest, AColumnThatMustBeSetAndIsNotKnownRefusesOnlyWhatNeedsIt) {
  const std::string path = folder_.file("volume.db");
  auto engine = open(path).value();
  RawSqlite(path).run(
      "DROP TABLE jfs_symlink; CREATE TABLE `jfs_symlink` (`inode` INTEGER PRIMARY KEY NOT NULL, `target` BLOB NOT "
      "NULL, `newer` BLOB NOT NULL)");
  const Result<void> refused = set_both(*engine, 2, Commit::kVisible);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.code(), Code::kDamaged);
  EXPECT_EQ(both(*engine), 0);
  EXPECT_TRUE(engine->run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
    put(txn, CounterKey{"c"}, 1);
    return {};
  }));
}

TEST_F(FaultsTest, ADatabaseReplacedUnderUsTakesNoMoreWrites) {
  const std::string path = folder_.file("volume.db");
  auto engine = open(path).value();
  ASSERT_TRUE(set_both(*engine, 1, Commit::kVisible));
  std::filesystem::rename(path, folder_.file("moved.db"));
  std::filesystem::copy_file(folder_.file("moved.db"), path);
  // It is looked at once a second.
  const Moment end = scheduler_.clock().now() + std::chrono::seconds(10);
  Result<void> answer;
  while (answer && scheduler_.clock().now() < end) {
    answer = set_both(*engine, 2, Commit::kVisible);
    if (answer) ASSERT_TRUE(pause(scheduler_, Scope{}, std::chrono::milliseconds(20)));
  }
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.code(), Code::kStale);
}

TEST_F(FaultsTest, AnotherClientsWriteLockIsWaitedForUntilTheDeadline) {
  const std::string path = folder_.file("volume.db");
  auto engine = open(path).value();
  RawSqlite other(path);
  other.run("BEGIN IMMEDIATE");
  const Scope brief{scheduler_.clock().now() + std::chrono::milliseconds(30), {}};
  const auto bump = [&](const Scope& scope) {
    return engine->run(scope, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
      add(txn, CounterKey{"a"}, 1);
      return {};
    });
  };
  const Result<void> late = bump(brief);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.code(), Code::kTimedOut);
  const Scope soon{scheduler_.clock().now() + std::chrono::seconds(5), {}};
  EXPECT_TRUE(engine->read(soon, {}, [](RecordTxn& txn) { return get(txn, CounterKey{"a"}); }))
      << "reading waits for no writer";
  std::stop_source stop;
  std::jthread stopper = scheduler_.new_thread("stopper", [&](std::stop_token) {
    (void)pause(scheduler_, Scope{}, std::chrono::milliseconds(20));
    stop.request_stop();
  });
  EXPECT_EQ(bump(Scope{Moment::max(), stop.get_token()}).code(), Code::kInterrupted);
  std::jthread patient = scheduler_.new_thread("patient", [&](std::stop_token) { EXPECT_TRUE(bump(Scope{})); });
  other.run("COMMIT");
  patient.join();
}

TEST_F(FaultsTest, EveryResultOfSqliteHasACode) {
  EXPECT_EQ(sqlite_error(nullptr, 5 /* BUSY */, "x").code, Code::kBusy);
  EXPECT_EQ(sqlite_error(nullptr, 5 | (2 << 8) /* BUSY_SNAPSHOT */, "x").code, Code::kBusy);
  EXPECT_EQ(sqlite_error(nullptr, 6 /* LOCKED */, "x").code, Code::kBusy);
  EXPECT_EQ(sqlite_error(nullptr, 7 /* NOMEM */, "x").code, Code::kNoMemory);
  EXPECT_EQ(sqlite_error(nullptr, 8 /* READONLY */, "x").code, Code::kReadOnly);
  EXPECT_EQ(sqlite_error(nullptr, 10 /* IOERR */, "x").code, Code::kIo);
  EXPECT_EQ(sqlite_error(nullptr, 11 /* CORRUPT */, "x").code, Code::kDamaged);
  EXPECT_EQ(sqlite_error(nullptr, 13 /* FULL */, "x").code, Code::kNoSpace);
  EXPECT_EQ(sqlite_error(nullptr, 14 /* CANTOPEN */, "x").code, Code::kIo);
  EXPECT_EQ(sqlite_error(nullptr, 18 /* TOOBIG */, "x").code, Code::kTooBig);
  EXPECT_EQ(sqlite_error(nullptr, 26 /* NOTADB */, "x").code, Code::kVersion);
  EXPECT_EQ(sqlite_error(nullptr, 13, "writing").message.substr(0, 8), "writing:");
}

}  // namespace
}  // namespace headrace::records
