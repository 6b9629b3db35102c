// SPDX-License-Identifier: Apache-2.0
#include "apps/mount_metrics.h"

#include <limits>

namespace headrace::apps {
namespace {

using metrics::Registry;

/// How long somebody who looks waits for the metadata.
constexpr Duration kLookMax = std::chrono::seconds(1);

double number(std::uint64_t value) { return static_cast<double>(value); }

}  // namespace

StoreMetrics::StoreMetrics(Registry& registry) {
  for (int i = 0; i < object::kMethodCount; ++i) {
    const std::string method(object::name_of(static_cast<object::Method>(i)));
    methods_[i] = {&registry.histogram("juicefs_object_request_durations_histogram_seconds", method),
                   &registry.counter("juicefs_object_request_data_bytes", method),
                   &registry.counter("juicefs_object_request_errors", method),
                   &registry.counter("headrace_object_retries_total", method)};
  }
}

void StoreMetrics::on_request(object::Method method, double seconds, std::uint64_t bytes, std::optional<Code> error) {
  OfMethod& of = methods_[static_cast<int>(method)];
  of.durations->observe(seconds);
  of.bytes->add(bytes);
  if (error && *error != Code::kNotFound) of.errors->add();
}

void StoreMetrics::on_retry(object::Method method) { methods_[static_cast<int>(method)].retries->add(); }

void EngineMetrics::bind(Registry& registry) {
  counts_.reset(new Counts{
      registry.histogram("juicefs_transaction_durations_histogram_seconds"),
      registry.histogram("headrace_transactions_per_commit"), registry.counter("juicefs_transaction_restart"),
      registry.counter("headrace_wal_syncs_total"), registry.histogram("headrace_commits_per_sync")});
  bound_.store(counts_.get(), std::memory_order_release);
}

void EngineMetrics::on_commit(std::size_t operations, Duration took) {
  Counts* const counts = bound_.load(std::memory_order_acquire);
  if (counts == nullptr) return;
  counts->commits.observe(took);
  counts->operations.observe(operations);
  counts->commits_since.fetch_add(1, std::memory_order_relaxed);
}
void EngineMetrics::on_sync(Duration) {
  Counts* const counts = bound_.load(std::memory_order_acquire);
  if (counts == nullptr) return;
  counts->syncs.add();
  // A commit that comes while the disk is waited for is counted with the next: it may have been too late for this one.
  counts->commits_of_sync.observe(counts->commits_since.exchange(0, std::memory_order_relaxed));
}
void EngineMetrics::on_restart(std::size_t operations) {
  if (Counts* const counts = bound_.load(std::memory_order_acquire)) counts->restarts.add(operations);
}
void EngineMetrics::on_busy(Duration) {}
void EngineMetrics::on_checkpoint(std::uint64_t, std::uint64_t, Duration) {}

MountMetrics::MountMetrics(Registry& registry, const MountParts& parts, std::string_view version)
    : process_(registry, parts.scheduler.clock(), version) {
  read_volume(registry, parts);
  read_tier(registry, parts);
  read_blocks(registry, parts);
  read_memory(registry, parts);
}

void MountMetrics::read_volume(Registry& registry, const MountParts& parts) {
  const auto usage = [&volume = parts.volume, &clock = parts.scheduler.clock()](auto member) {
    return [&volume, &clock, member]() -> double {
      const auto seen = volume.usage({clock.now() + kLookMax, {}});
      return seen ? member(*seen) : std::numeric_limits<double>::quiet_NaN();
    };
  };
  const meta::Volume& volume = parts.volume;
  readings_.push_back(
      registry.gauge_from("juicefs_used_space", usage([](const auto& u) { return number(u.used_bytes); })));
  readings_.push_back(
      registry.gauge_from("juicefs_used_inodes", usage([](const auto& u) { return number(u.used_inodes); })));
  readings_.push_back(
      registry.gauge_from("juicefs_total_space", [&volume] { return number(volume.format().capacity_bytes); }));
  readings_.push_back(
      registry.gauge_from("juicefs_total_inodes", [&volume] { return number(volume.format().inodes_max); }));
}

void MountMetrics::read_tier(Registry& registry, const MountParts& parts) {
  const block::NodeTier& tier = parts.tier;
  const auto of = [&tier](auto member) { return [&tier, member] { return number(member(tier.stats())); }; };
  using Stats = block::NodeTierStats;
  readings_.push_back(
      registry.gauge_from("headrace_node_tier_capacity_bytes", of([](const Stats& s) { return s.bytes_max; })));
  readings_.push_back(
      registry.gauge_from("headrace_node_tier_used_bytes", of([](const Stats& s) { return s.used_bytes; })));
  readings_.push_back(
      registry.gauge_from("headrace_node_tier_pinned_bytes", of([](const Stats& s) { return s.pinned_bytes; })));
  readings_.push_back(registry.gauge_from("headrace_node_tier_files",
                                          of([](const Stats& s) { return s.files - s.complete_files; }), "filling"));
  readings_.push_back(
      registry.gauge_from("headrace_node_tier_files", of([](const Stats& s) { return s.complete_files; }), "complete"));
  readings_.push_back(
      registry.counter_from("headrace_checksum_failures_total", of([](const Stats& s) { return s.damaged; }), "node"));
  readings_.push_back(registry.gauge_from("juicefs_blockcache_blocks", of([](const Stats& s) { return s.blocks; })));
  readings_.push_back(registry.gauge_from("juicefs_blockcache_bytes", of([](const Stats& s) { return s.used_bytes; })));
  const auto count = [&](metrics::CounterSpec spec, auto member) {
    readings_.push_back(registry.counter_from(spec, of(member)));
  };
  count("juicefs_blockcache_writes", [](const Stats& s) { return s.puts; });
  count("juicefs_blockcache_write_bytes", [](const Stats& s) { return s.put_bytes; });
  count("juicefs_blockcache_drops", [](const Stats& s) { return s.drops; });
  count("juicefs_blockcache_evicts", [](const Stats& s) { return s.evictions - s.file_evictions; });
  const auto count_by_kind = [&](metrics::CounterSpec spec, auto all, auto files) {
    readings_.push_back(registry.counter_from(spec, of(files), "file"));
    readings_.push_back(
        registry.counter_from(spec, of([all, files](const Stats& s) { return all(s) - files(s); }), "block"));
  };
  count_by_kind(
      "headrace_node_tier_hits_total", [](const Stats& s) { return s.hits; },
      [](const Stats& s) { return s.file_hits; });
  count_by_kind(
      "headrace_node_tier_misses_total", [](const Stats& s) { return s.misses; },
      [](const Stats& s) { return s.file_misses; });
  count_by_kind(
      "headrace_node_tier_evictions_total", [](const Stats& s) { return s.evictions; },
      [](const Stats& s) { return s.file_evictions; });
}

void MountMetrics::read_blocks(Registry& registry, const MountParts& parts) {
  const block::BlockStore& blocks = parts.blocks;
  const auto of = [&blocks](auto member) { return [&blocks, member] { return number(member(blocks.stats())); }; };
  using Stats = block::BlockStoreStats;
  readings_.push_back(registry.counter_from("juicefs_blockcache_hits", of([](const Stats& s) { return s.hits; })));
  readings_.push_back(
      registry.counter_from("juicefs_blockcache_hit_bytes", of([](const Stats& s) { return s.hit_bytes; })));
  readings_.push_back(registry.counter_from("juicefs_blockcache_miss", of([](const Stats& s) { return s.fetches; })));
  readings_.push_back(
      registry.counter_from("juicefs_blockcache_miss_bytes", of([](const Stats& s) { return s.fetch_bytes; })));
  readings_.push_back(
      registry.counter_from("headrace_fetches_shared_total", of([](const Stats& s) { return s.fetches_shared; })));
  readings_.push_back(
      registry.counter_from("headrace_prefetches_total", of([](const Stats& s) { return s.prefetches; })));
  readings_.push_back(registry.counter_from("headrace_prefetches_dropped_total",
                                            of([](const Stats& s) { return s.prefetches_dropped; })));
  readings_.push_back(
      registry.gauge_from("headrace_block_transfers", of([](const Stats& s) { return s.uploads_now; }), "upload"));
  readings_.push_back(
      registry.gauge_from("headrace_block_transfers", of([](const Stats& s) { return s.downloads_now; }), "download"));
}

void MountMetrics::read_memory(Registry& registry, const MountParts& parts) {
  const Budget& budget = parts.budget;
  const Log& log = parts.log;
  readings_.push_back(
      registry.gauge_from("juicefs_used_buffer_size_bytes", [&budget] { return number(budget.used_bytes()); }));
  readings_.push_back(
      registry.gauge_from("headrace_memory_budget_bytes", [&budget] { return number(budget.bytes_max()); }));
  readings_.push_back(
      registry.gauge_from("headrace_memory_budget_used_bytes", [&budget] { return number(budget.used_bytes()); }));
  readings_.push_back(
      registry.gauge_from("headrace_memory_budget_waiting", [&budget] { return number(budget.waiting()); }));
  readings_.push_back(
      registry.counter_from("headrace_log_lines_dropped_total", [&log] { return number(log.dropped_lines()); }));
}

}  // namespace headrace::apps
