// SPDX-License-Identifier: Apache-2.0
// The transaction that a metadata operation is written against, and the engine that runs it. An operation is a pure
// function from the records it reads to the records it writes: it never waits, has no other effect, and may be run
// again from its start.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "base/event.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "base/scope.h"
#include "records/keys.h"
#include "records/observer.h"

namespace headrace::records {

/// Thread rules: used by the operation's own thread, only while it runs. What an operation reads is what it wrote
/// before, else what is committed. Errors of any method end the operation; it returns them unchanged.
class RecordTxn {
 public:
  virtual ~RecordTxn() = default;

  /// Says which records will be read, so that an engine loads them in one round trip. Never required.
  virtual Result<void> need(std::span<const Key> keys) = 0;
  /// The record, or nothing. The answer is part of what the commit is validated against. kDamaged: the bytes are no
  /// such record.
  virtual Result<std::optional<Record>> get(const Key& key) = 0;
  /// Whether a range holds nothing. Validated, as get().
  virtual Result<bool> is_empty(const Range& range) = 0;
  /// At most `limit` rows of a range, in its order. Not validated: a listing, not a decision.
  virtual Result<std::vector<Item>> scan(const Range& range, std::size_t limit) = 0;
  /// Creates or replaces.
  virtual void put(Key key, Record record) = 0;
  virtual void erase(Key key) = 0;
  /// Adds to a counter or to statistics (ParentLinkKey, SliceRefKey, DirStatsKey, CounterKey). Commutes: nothing is
  /// read. A counter, link or reference that does not exist starts at 0 (a slice reference: at 1 on engines that keep
  /// none for one); statistics that do not exist stay absent: somebody sums them up from the directory later.
  virtual void add(Key key, Record delta) = 0;
  /// Puts references behind a chunk's list without reading it. A list that does not exist begins with them.
  virtual void append(SlicesKey key, std::span<const Slice> slices) = 0;
};

/// Typed reading: the record of exactly this kind of key.
template <class K>
Result<std::optional<typename K::Record>> get(RecordTxn& txn, const K& key) {
  TRY(std::optional<Record> found, txn.get(Key(key)));
  if (!found) return std::optional<typename K::Record>();
  return std::optional<typename K::Record>(std::get<typename K::Record>(*std::move(found)));
}
template <class K>
void put(RecordTxn& txn, K key, typename K::Record record) {
  txn.put(Key(std::move(key)), Record(std::move(record)));
}
template <class K>
void add(RecordTxn& txn, K key, typename K::Record delta) {
  txn.add(Key(std::move(key)), Record(std::move(delta)));
}
template <class K>
void erase(RecordTxn& txn, K key) {
  txn.erase(Key(std::move(key)));
}

/// When run() answers: once the commit is visible to all, or once it is also durable.
enum class Commit { kVisible, kDurable };

/// Ids that are handed out in batches, ahead of need, so that crashes skip numbers and never repeat them.
enum class IdKind { kInode, kSlice };
/// Numbers [first, first + count).
struct IdRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// What can be said of an engine without asking it.
struct EngineTraits {
  std::string name;  // "sqlite3", "memory", "redis-dump"
  bool is_read_only = false;
  bool links_are_derived = true;  // SQL and memory: parents of hard links come from the entries
};

/// An operation as an engine sees it: ok to commit, an error to drop all that it wrote.
using Operation = FunctionRef<Result<void>(RecordTxn&)>;

/// Where the records of one volume live. Thread-safe.
class RecordEngine {
 public:
  virtual ~RecordEngine() = default;

  /// Runs an operation and commits what it wrote, all or nothing, in one order with all others. Many callers'
  /// operations may share one commit; one that fails does not touch the others. The error of the operation is returned
  /// as it is. kTimedOut, kInterrupted: the caller gave up *before* the operation ran. kUnknownOutcome: the commit was
  /// sent and its answer lost. kNoSpace: the metadata's disk is full. kReadOnly: the engine cannot write. `first_keys`
  /// are what the operation reads first.
  virtual Result<void> run_operation(const Scope& scope, Commit commit, std::span<const Key> first_keys,
                                     Operation operation) = 0;
  /// Runs an operation that only reads, over one consistent state. Its put, add, erase, append are our own mistake
  /// (CHECK).
  virtual Result<void> read_operation(const Scope& scope, std::span<const Key> first_keys, Operation operation) = 0;
  /// Takes ids that no one else will get: from a batch in hand, or 1,024 inodes and 4,096 slices at a time.
  virtual Result<IdRange> reserve(const Scope& scope, IdKind kind, std::uint64_t count) = 0;
  /// Waits until all that was visible when it was called is durable. Callers share one sync.
  virtual Result<void> sync(const Scope& scope) = 0;
  /// Calls back, from a thread of the engine's own, when *another* client changed something; empty keys: anything may
  /// have changed. Until the returned object ends. The callback must not call the engine.
  virtual std::shared_ptr<void> watch(std::function<void(std::span<const Key>)> changed) = 0;
  virtual const EngineTraits& traits() const = 0;
  /// Refuses new work, finishes what runs, checkpoints. Idempotent; the destructor calls it.
  virtual Result<void> close() = 0;

  /// run_operation for a function with a result of its own: `run(scope, commit, {}, [&](RecordTxn& txn) -> Result<Attr>
  /// { … })`.
  template <class F>
  auto run(const Scope& scope, Commit commit, std::initializer_list<Key> first_keys, F&& operation) {
    return collect<F>(operation, [&](Operation inner) {
      return run_operation(scope, commit, std::span<const Key>(first_keys.begin(), first_keys.size()), inner);
    });
  }
  template <class F>
  auto read(const Scope& scope, std::initializer_list<Key> first_keys, F&& operation) {
    return collect<F>(operation, [&](Operation inner) {
      return read_operation(scope, std::span<const Key>(first_keys.begin(), first_keys.size()), inner);
    });
  }

 private:
  template <class F, class Runner>
  static auto collect(F& operation, Runner runner) {
    using R = std::invoke_result_t<F&, RecordTxn&>;
    std::optional<R> result;
    const Result<void> ran = runner([&](RecordTxn& txn) -> Result<void> {
      result.reset();  // it may be a second run
      result.emplace(operation(txn));
      if (!*result) return result->error();
      return {};
    });
    if (!ran) return R(ran.error());
    return R(*std::move(result));
  }
};

/// Opens the engine a metadata URL names: "sqlite3://PATH[?table_prefix=x]" (created when `create`),
/// "redis-dump://PATH", "memory://". kInvalid: not such a URL, with the sentence to print; kNotFound: no such database;
/// kVersion: not a JuiceFS database; kUnauthorized …
struct OpenOptions {
  bool create = false;  // make the database and its tables where they are missing
  bool read_only = false;
  EngineObserver* observer = nullptr;  // may be nullptr; outlives the engine
};
Result<std::unique_ptr<RecordEngine>> open_engine(const std::string& url, const OpenOptions& options,
                                                  Scheduler& scheduler);

}  // namespace headrace::records
