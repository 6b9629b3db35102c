// SPDX-License-Identifier: Apache-2.0
// A memory store behind a batcher.
#include "records/memory/memory_engine.h"

#include "records/batcher.h"
#include "records/gate.h"
#include "records/id_pool.h"
#include "records/memory/memory_store.h"
#include "records/overlay.h"

namespace headrace::records {
namespace {

/// Lets readers in together and a writer alone; a writer who waits goes before the readers that come after it.
class FairGate {
 public:
  template <class F>
  auto read(F&& body) {
    MutexLock turn(gate_);
    SharedLock hold(shared_);
    turn.unlock();
    return body();
  }
  template <class F>
  void write(F&& body) {
    MutexLock turn(gate_);
    UniqueLock hold(shared_);
    turn.unlock();
    body();
  }

 private:
  Mutex gate_;
  SharedMutex shared_;
};

/// Only the leader of a batch changes the store, so it reads without the gate.
class GatedStore final : public BatchStore {
 public:
  Result<RecordReader*> begin(const Scope&) override { return &records_; }
  Result<void> commit(const ChangeSet& changes) override {
    gate_.write([&] { records_.apply(changes); });
    return {};
  }
  void abandon() override {}
  std::uint64_t sync_ticket() override { return 0; }

  Result<void> read(std::span<const Key> first_keys, Operation operation) {
    return gate_.read([&]() -> Result<void> {
      ReadTxn txn(records_);
      TRY_OK(txn.need(first_keys));
      return operation(txn);
    });
  }

 private:
  FairGate gate_;
  MemoryStore records_{true};
};

class MemoryEngine final : public RecordEngine {
 public:
  MemoryEngine(const OpenOptions& options, Scheduler& scheduler)
      : traits_{"memory", options.read_only, true},
        gate_(scheduler),
        batcher_(scheduler, store_, traits_, options.observer),
        ids_(scheduler, *this),
        scheduler_(scheduler) {}
  ~MemoryEngine() override { (void)close(); }

  Result<void> run_operation(const Scope& scope, Commit, std::span<const Key> first_keys,
                             Operation operation) override {
    if (traits_.is_read_only) return Code::kReadOnly;
    TRY(const Gate::Visit visit, gate_.enter());
    TRY_OK(batcher_.run(scope, first_keys, operation));
    return {};
  }
  Result<void> read_operation(const Scope& scope, std::span<const Key> first_keys, Operation operation) override {
    if (scope.stop.stop_requested()) return Code::kInterrupted;
    if (scope.deadline <= scheduler_.clock().now()) return Code::kTimedOut;
    TRY(const Gate::Visit visit, gate_.enter());
    return store_.read(first_keys, operation);
  }
  Result<IdRange> reserve(const Scope& scope, IdKind kind, std::uint64_t count) override {
    return ids_.take(scope, kind, count);
  }
  Result<void> sync(const Scope&) override { return {}; }
  std::shared_ptr<void> watch(std::function<void(std::span<const Key>)>) override { return std::make_shared<int>(0); }
  const EngineTraits& traits() const override { return traits_; }
  Result<void> close() override {
    (void)gate_.close();
    return {};
  }

 private:
  const EngineTraits traits_;
  Gate gate_;
  GatedStore store_;
  Batcher batcher_;
  IdPool ids_;
  Scheduler& scheduler_;
};

}  // namespace

std::unique_ptr<RecordEngine> open_memory_engine(const OpenOptions& options, Scheduler& scheduler) {
  return std::make_unique<MemoryEngine>(options, scheduler);
}

}  // namespace headrace::records
