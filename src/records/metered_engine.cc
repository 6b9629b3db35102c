// SPDX-License-Identifier: Apache-2.0
// A clock around each call.
#include "records/metered_engine.h"

namespace headrace::records {
namespace {

class MeteredEngine final : public RecordEngine {
 public:
  MeteredEngine(std::unique_ptr<RecordEngine> engine, metrics::Histogram& durations, const Clock& clock)
      : engine_(std::move(engine)), durations_(durations), clock_(clock) {}

  Result<void> run_operation(const Scope& scope, Commit commit, std::span<const Key> first_keys,
                             Operation operation) override {
    const metrics::Timing timing(durations_, clock_);
    return engine_->run_operation(scope, commit, first_keys, operation);
  }
  Result<void> read_operation(const Scope& scope, std::span<const Key> first_keys, Operation operation) override {
    const metrics::Timing timing(durations_, clock_);
    return engine_->read_operation(scope, first_keys, operation);
  }
  Result<IdRange> reserve(const Scope& scope, IdKind kind, std::uint64_t count) override {
    return engine_->reserve(scope, kind, count);
  }
  Result<void> sync(const Scope& scope) override { return engine_->sync(scope); }
  std::shared_ptr<void> watch(std::function<void(std::span<const Key>)> changed) override {
    return engine_->watch(std::move(changed));
  }
  const EngineTraits& traits() const override { return engine_->traits(); }
  Result<void> close() override { return engine_->close(); }

 private:
  const std::unique_ptr<RecordEngine> engine_;
  metrics::Histogram& durations_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<RecordEngine> metered(std::unique_ptr<RecordEngine> engine, metrics::Histogram& durations,
                                      const Clock& clock) {
  return std::make_unique<MeteredEngine>(std::move(engine), durations, clock);
}

}  // namespace headrace::records
