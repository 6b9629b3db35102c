// SPDX-License-Identifier: Apache-2.0
// How fast it is, for whoever wants to know: not run by ctest.
//   records_test --gtest_also_run_disabled_tests --gtest_filter='SqliteSpeed.*'
// HEADRACE_SPEED_FOLDER is where the database lies (default: the folder for temporary files).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "records/sqlite/engine.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

class Sums final : public EngineObserver {
 public:
  void on_commit(std::size_t shared, Duration) override {
    ++commits;
    operations += shared;
  }
  void on_sync(Duration) override { ++syncs; }
  void on_restart(std::size_t) override {}
  void on_busy(Duration) override {}
  void on_checkpoint(std::uint64_t log, std::uint64_t copied, Duration took) override {
    ++checkpoints;
    if (log > longest_log) longest_log = log;
    if (copied < log) ++partial;
    checkpoint_time += took.count();
  }
  std::atomic<std::uint64_t> commits = 0, operations = 0, syncs = 0, checkpoints = 0, longest_log = 0, partial = 0;
  std::atomic<std::int64_t> checkpoint_time = 0;
};

/// What a create does to the records.
Result<void> create(RecordEngine& engine, Commit commit, Ino parent, const std::string& name) {
  TRY(const IdRange id, engine.reserve(Scope{}, IdKind::kInode, 1));
  const InodeKey directory{parent};
  const EntryKey entry{parent, name};
  return engine.run(Scope{}, commit, {Key(directory), Key(entry)}, [&](RecordTxn& txn) -> Result<void> {
    TRY(std::optional<Attr> attr, get(txn, directory));
    TRY(const std::optional<EntryRecord> there, get(txn, entry));
    if (there) return Code::kExists;
    Attr made;
    made.parent = parent;
    made.mode = 0644;
    put(txn, InodeKey{Ino{id.first}}, made);
    put(txn, entry, EntryRecord{Ino{id.first}, FileType::kRegular});
    if (!attr) attr.emplace();
    attr->mtime.seconds += 1;
    put(txn, directory, *attr);
    add(txn, CounterKey{"usedSpace"}, 4096);
    add(txn, CounterKey{"totalInodes"}, 1);
    add(txn, DirStatsKey{parent}, DirStatsRecord{0, 4096, 1});
    return {};
  });
}

void measure(const char* what, RecordEngine& engine, Sums& sums, int threads, std::chrono::seconds length,
             const std::function<Result<void>(int thread, int i)>& one) {
  SystemScheduler scheduler;
  const std::uint64_t commits = sums.commits, operations = sums.operations, syncs = sums.syncs;
  const Moment begin = scheduler.clock().now();
  std::atomic<std::uint64_t> done = 0;
  std::atomic<std::int64_t> worst = 0;
  {
    std::vector<std::jthread> callers;
    for (int thread = 0; thread < threads; ++thread) {
      callers.push_back(scheduler.new_thread("caller", [&, thread](std::stop_token) {
        for (int i = 0; scheduler.clock().now() - begin < length; ++i) {
          const Moment start = scheduler.clock().now();
          ASSERT_TRUE(one(thread, i));
          const std::int64_t took = (scheduler.clock().now() - start).count();
          std::int64_t before = worst;
          while (took > before && !worst.compare_exchange_weak(before, took)) {
          }
          ++done;
        }
      }));
    }
  }
  (void)engine;
  const double seconds = std::chrono::duration<double>(scheduler.clock().now() - begin).count();
  const double made = static_cast<double>(std::max<std::uint64_t>(1, sums.commits - commits));
  std::printf("%-28s %2d threads: %8.0f/s, %5.1f operations a commit, %llu syncs, worst %.1f ms\n", what, threads,
              static_cast<double>(done) / seconds, static_cast<double>(sums.operations - operations) / made,
              static_cast<unsigned long long>(sums.syncs - syncs), static_cast<double>(worst) / 1e6);
}

TEST(SqliteSpeed, DISABLED_CreatesAndLookups) {
  SystemScheduler scheduler;
  const char* chosen = std::getenv("HEADRACE_SPEED_FOLDER");
  TempFolder temporary;
  const std::string path = (chosen == nullptr ? temporary.path() : std::string(chosen)) + "/speed.db";
  Sums sums;
  OpenOptions options;
  options.create = true;
  options.observer = &sums;
  auto engine = open_engine("sqlite3://" + path, options, scheduler).value();
  const auto length = std::chrono::seconds(3);
  int round = 0;
  for (const Commit commit : {Commit::kVisible, Commit::kDurable}) {
    for (const int threads : {1, 4, 16}) {
      ++round;
      measure(commit == Commit::kVisible ? "creates" : "durable creates", *engine, sums, threads, length,
              [&](int thread, int i) {
                return create(*engine, commit, Ino{1},
                              std::to_string(round) + "-" + std::to_string(thread) + "-" + std::to_string(i));
              });
    }
  }
  for (const int threads : {1, 16}) {
    measure("lookups", *engine, sums, threads, length, [&](int, int i) {
      return engine->read(Scope{}, {}, [&](RecordTxn& txn) -> Result<void> {
        TRY(const auto entry, get(txn, EntryKey{Ino{1}, "1-0-" + std::to_string(i % 1000)}));
        TRY(const auto attr, get(txn, InodeKey{entry->ino}));
        (void)attr;
        return {};
      });
    });
  }
  measure("creates beside lookups", *engine, sums, 16, length, [&](int thread, int i) -> Result<void> {
    if (thread < 4)
      return create(*engine, Commit::kVisible, Ino{1}, "beside-" + std::to_string(thread) + "-" + std::to_string(i));
    return engine->read(Scope{}, {}, [&](RecordTxn& txn) -> Result<void> {
      TRY_OK(get(txn, EntryKey{Ino{1}, "1-0-" + std::to_string(i % 1000)}));
      return {};
    });
  });
  ASSERT_TRUE(engine->close());
  std::printf("%llu checkpoints (%llu partial), %.1f ms each, longest log %.1f MiB\n",
              static_cast<unsigned long long>(sums.checkpoints), static_cast<unsigned long long>(sums.partial),
              static_cast<double>(sums.checkpoint_time) / 1e6 /
                  static_cast<double>(std::max<std::uint64_t>(1, sums.checkpoints)),
              static_cast<double>(sums.longest_log) * 4096 / (1 << 20));
  if (chosen != nullptr) std::remove(path.c_str());
}

}  // namespace
}  // namespace headrace::records
