// SPDX-License-Identifier: Apache-2.0
// What a mount counts beyond what its rooms count by themselves: observers for the rooms that do not know metrics, and
// numbers that are read from the parts when somebody looks.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "base/budget.h"
#include "base/event.h"
#include "base/log.h"
#include "block/block_store.h"
#include "block/node_tier.h"
#include "meta/volume.h"
#include "metrics/process_metrics.h"
#include "metrics/registry.h"
#include "object/metered_store.h"
#include "records/observer.h"

namespace headrace::apps {

/// Counts requests to the object store. Thread-safe.
class StoreMetrics final : public object::RequestObserver {
 public:
  explicit StoreMetrics(metrics::Registry& registry);
  void on_request(object::Method method, double seconds, std::uint64_t bytes, std::optional<Code> error) override;
  void on_retry(object::Method method) override;

 private:
  struct OfMethod {
    metrics::Histogram* durations = nullptr;
    metrics::Counter* bytes = nullptr;
    metrics::Counter* errors = nullptr;
    metrics::Counter* retries = nullptr;
  };
  OfMethod methods_[object::kMethodCount];
};

/// Counts what the metadata engine does. Thread-safe. The engine is opened before the volume's name is known, which the
/// registry needs: what happens before bind() is not counted.
class EngineMetrics final : public records::EngineObserver {
 public:
  /// Once.
  void bind(metrics::Registry& registry);
  void on_commit(std::size_t operations, Duration took) override;
  void on_sync(Duration took) override;
  void on_restart(std::size_t operations) override;
  void on_busy(Duration waited) override;
  void on_checkpoint(std::uint64_t log_pages, std::uint64_t copied_pages, Duration took) override;

 private:
  struct Counts {
    metrics::Histogram& commits;
    metrics::Histogram& operations;
    metrics::Counter& restarts;
    metrics::Counter& syncs;
    metrics::Histogram& commits_of_sync;
    std::atomic<std::uint64_t> commits_since = 0;  // the last sync
  };
  std::unique_ptr<Counts> counts_;
  std::atomic<Counts*> bound_ = nullptr;
};

/// What is read when somebody looks.
struct MountParts {
  meta::Volume& volume;
  block::NodeTier& tier;
  block::BlockStore& blocks;
  Budget& budget;
  Scheduler& scheduler;
  const Log& log;
};
class MountMetrics {
 public:
  /// The parts outlive this object.
  MountMetrics(metrics::Registry& registry, const MountParts& parts, std::string_view version);

 private:
  void read_volume(metrics::Registry& registry, const MountParts& parts);
  void read_tier(metrics::Registry& registry, const MountParts& parts);
  void read_blocks(metrics::Registry& registry, const MountParts& parts);
  void read_memory(metrics::Registry& registry, const MountParts& parts);

  metrics::ProcessMetrics process_;
  std::vector<metrics::Reading> readings_;
};

}  // namespace headrace::apps
