// SPDX-License-Identifier: Apache-2.0
// The catalog: every metric of the product, once, with its meaning. A metric exists only by its line here: the registry
// takes names, and a name that is not in the table, or is of another kind, does not compile. docs/metrics.md is made
// from it.
//
// Names that start with juicefs_ are those of JuiceFS, for the same things, so that its dashboards and its `stats` show
// us; they are older than today's naming rules. Ours start with headrace_ and follow the rules: base units, the unit
// last, counters end in _total, labels whose sum means something and which have few values.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace headrace::metrics {

enum class Kind : std::uint8_t {
  kCounter,    // only grows
  kGauge,      // goes up and down
  kHistogram,  // how many observations fell into each bucket, and their sum
};

/// What is counted. For a histogram it also names the table of its buckets (bounds_of).
enum class Unit : std::uint8_t { kCount, kSeconds, kBytes };

struct MetricSpec {
  std::string_view name;
  Kind kind;
  Unit unit;
  std::string_view help;                     // one sentence
  std::array<std::string_view, 2> labels{};  // their names; empty ones are none

  constexpr std::size_t label_count() const { return labels[0].empty() ? 0 : labels[1].empty() ? 1 : 2; }
};

// clang-format off
inline constexpr MetricSpec kCatalog[] = {
    // The kernel's requests.
    {"juicefs_fuse_ops_durations_histogram_seconds", Kind::kHistogram, Unit::kSeconds, "How long requests of the kernel took."},
    {"juicefs_fuse_ops_total", Kind::kCounter, Unit::kCount, "Requests of the kernel.", {"method"}},
    {"juicefs_fuse_ops_io_errors", Kind::kCounter, Unit::kCount, "Requests of the kernel that failed for a reason of the world, not of the caller.", {"errno"}},
    {"juicefs_fuse_read_size_bytes", Kind::kHistogram, Unit::kBytes, "Bytes that one read returned. Reads by passthrough are not seen."},
    {"juicefs_fuse_written_size_bytes", Kind::kHistogram, Unit::kBytes, "Bytes that one write brought."},
    {"juicefs_fuse_open_handlers", Kind::kGauge, Unit::kCount, "Open files and directories."},
    {"headrace_fuse_opens_total", Kind::kCounter, Unit::kCount, "Opened files by how the kernel serves them: pass, pass_direct, direct or cached.", {"mode"}},
    {"headrace_fuse_stale_lookups_total", Kind::kCounter, Unit::kCount, "Opens answered ESTALE once, so that the kernel looks up the incarnation that fits."},
    {"headrace_lane_threads", Kind::kGauge, Unit::kCount, "Threads that serve requests of the kernel.", {"lane"}},
    {"headrace_lane_readers", Kind::kGauge, Unit::kCount, "Threads that wait for a request of the kernel, or are about to.", {"lane"}},
    {"headrace_lane_requests_aside_total", Kind::kCounter, Unit::kCount, "Requests put aside because all threads but the last were busy."},
    {"headrace_fuse_malformed_requests_total", Kind::kCounter, Unit::kCount, "Requests of the kernel that could not be read and were answered EIO."},
    {"headrace_fuse_unanswered_requests_total", Kind::kCounter, Unit::kCount, "Requests that nothing answered and that therefore got EIO."},
    {"headrace_fuse_notifications_total", Kind::kCounter, Unit::kCount, "Notifications sent to the kernel, by kind: inode, entry or epoch.", {"kind"}},
    {"headrace_fuse_notifications_lost_total", Kind::kCounter, Unit::kCount, "Notifications given up because too many were waiting: what they were about stays cached for its time at most."},
    {"headrace_fuse_backings", Kind::kGauge, Unit::kCount, "Files the kernel serves by itself (passthrough)."},

    // Metadata.
    {"juicefs_meta_ops_durations_histogram_seconds", Kind::kHistogram, Unit::kSeconds, "How long metadata operations took."},
    {"juicefs_transaction_durations_histogram_seconds", Kind::kHistogram, Unit::kSeconds, "How long metadata transactions took, retries included."},
    {"juicefs_transaction_restart", Kind::kCounter, Unit::kCount, "Metadata transactions that ran again after a conflict."},
    {"headrace_transactions_per_commit", Kind::kHistogram, Unit::kCount, "Operations that one commit of the metadata engine carried."},
    {"headrace_wal_syncs_total", Kind::kCounter, Unit::kCount, "Syncs of the metadata log."},
    {"headrace_commits_per_sync", Kind::kHistogram, Unit::kCount, "Commits that one sync of the metadata log made durable."},
    {"juicefs_used_space", Kind::kGauge, Unit::kBytes, "Bytes in use in the volume, each file rounded up to 4 KiB."},
    {"juicefs_used_inodes", Kind::kGauge, Unit::kCount, "Inodes in use in the volume."},
    {"juicefs_total_space", Kind::kGauge, Unit::kBytes, "Bytes the volume may hold; 0: no limit."},
    {"juicefs_total_inodes", Kind::kGauge, Unit::kCount, "Inodes the volume may hold; 0: no limit."},

    // The object store.
    {"juicefs_object_request_durations_histogram_seconds", Kind::kHistogram, Unit::kSeconds, "How long requests to the object store took, each attempt by itself.", {"method"}},
    {"juicefs_object_request_data_bytes", Kind::kCounter, Unit::kBytes, "Bytes of objects sent to or received from the object store.", {"method"}},
    {"juicefs_object_request_errors", Kind::kCounter, Unit::kCount, "Requests to the object store that failed.", {"method"}},
    {"headrace_object_retries_total", Kind::kCounter, Unit::kCount, "Requests to the object store that were tried again.", {"method"}},

    // Tiers of this node.
    {"juicefs_blockcache_blocks", Kind::kGauge, Unit::kCount, "Blocks kept on this node."},
    {"juicefs_blockcache_bytes", Kind::kGauge, Unit::kBytes, "Bytes kept on this node."},
    {"juicefs_blockcache_hits", Kind::kCounter, Unit::kCount, "Reads of a block that this node answered."},
    {"juicefs_blockcache_miss", Kind::kCounter, Unit::kCount, "Reads of a block that this node did not hold."},
    {"juicefs_blockcache_hit_bytes", Kind::kCounter, Unit::kBytes, "Bytes of blocks that this node answered."},
    {"juicefs_blockcache_miss_bytes", Kind::kCounter, Unit::kBytes, "Bytes of blocks that had to be fetched."},
    {"juicefs_blockcache_writes", Kind::kCounter, Unit::kCount, "Blocks put into the tier of this node; whole files are not counted."},
    {"juicefs_blockcache_write_bytes", Kind::kCounter, Unit::kBytes, "Bytes of blocks put into the tier of this node."},
    {"juicefs_blockcache_drops", Kind::kCounter, Unit::kCount, "Blocks that were not kept for want of room."},
    {"juicefs_blockcache_evicts", Kind::kCounter, Unit::kCount, "Blocks given up to make room for others."},
    {"headrace_node_tier_capacity_bytes", Kind::kGauge, Unit::kBytes, "Bytes the tier of this node may hold."},
    {"headrace_node_tier_used_bytes", Kind::kGauge, Unit::kBytes, "Bytes the tier of this node holds, pinned ones included."},
    {"headrace_node_tier_pinned_bytes", Kind::kGauge, Unit::kBytes, "Bytes that cannot be evicted, because the kernel or a reader holds them."},
    {"headrace_node_tier_files", Kind::kGauge, Unit::kCount, "Files of the tier, by state: filling or complete.", {"state"}},
    {"headrace_node_tier_hits_total", Kind::kCounter, Unit::kCount, "Questions the tier of this node answered, by kind: file or block.", {"kind"}},
    {"headrace_node_tier_misses_total", Kind::kCounter, Unit::kCount, "Questions the tier of this node could not answer, by kind: file or block.", {"kind"}},
    {"headrace_node_tier_evictions_total", Kind::kCounter, Unit::kCount, "Copies given up to make room, by kind: file or block.", {"kind"}},
    {"headrace_checksum_failures_total", Kind::kCounter, Unit::kCount, "Copies whose bytes did not check, by the tier they came from.", {"tier"}},
    {"headrace_fetches_shared_total", Kind::kCounter, Unit::kCount, "Readers that found the block they needed already on its way."},
    {"headrace_prefetches_total", Kind::kCounter, Unit::kCount, "Blocks asked for ahead of use."},
    {"headrace_prefetches_dropped_total", Kind::kCounter, Unit::kCount, "Blocks not fetched ahead, for want of memory or because too many were under way."},
    {"headrace_block_transfers", Kind::kGauge, Unit::kCount, "Blocks on their way to or from the object store, by direction: upload or download.", {"direction"}},
    {"juicefs_compact_size_histogram_bytes", Kind::kHistogram, Unit::kBytes, "Bytes that one compaction rewrote."},

    // Memory.
    {"juicefs_used_buffer_size_bytes", Kind::kGauge, Unit::kBytes, "Bytes in buffers of reads and writes."},
    {"headrace_memory_budget_bytes", Kind::kGauge, Unit::kBytes, "What all buffers together may take."},
    {"headrace_memory_budget_used_bytes", Kind::kGauge, Unit::kBytes, "What buffers have taken of the budget."},
    {"headrace_memory_budget_waiting", Kind::kGauge, Unit::kCount, "Threads that wait for memory of the budget."},

    // This process.
    {"headrace_server_restarts_total", Kind::kCounter, Unit::kCount, "How often the server of this mount died and another one took over."},
    {"juicefs_uptime", Kind::kGauge, Unit::kSeconds, "Seconds since this process started."},
    {"juicefs_memory", Kind::kGauge, Unit::kBytes, "Resident memory of this process."},
    {"juicefs_cpu_usage", Kind::kCounter, Unit::kSeconds, "CPU time of this process, user and system."},
    {"headrace_process_open_fds", Kind::kGauge, Unit::kCount, "Open descriptors of this process."},
    {"headrace_process_threads", Kind::kGauge, Unit::kCount, "Threads of this process."},
    {"headrace_log_lines_dropped_total", Kind::kCounter, Unit::kCount, "Lines of the log that could not be written."},
    {"headrace_build_info", Kind::kGauge, Unit::kCount, "1, with the version of this program.", {"version"}},
};
// clang-format on

/// The upper bounds of a histogram's buckets, without the last one that takes the rest. Seconds: 50 µs … 60 s; bytes: 4
/// KiB … 64 MiB; counts: 1 … 1024.
std::span<const double> bounds_of(Unit unit);

/// Not constexpr on purpose: reaching it while compiling stops the compiler, and its name is the message.
void this_name_is_not_in_the_catalog_or_of_another_kind();

/// A name of the catalog, checked by the compiler: a string literal converts to it.
template <Kind kKind>
class SpecOf {
 public:
  consteval SpecOf(const char* name) : spec_(find(name)) {}  // NOLINT: so that a literal may be passed
  const MetricSpec& operator*() const { return *spec_; }
  const MetricSpec* operator->() const { return spec_; }

 private:
  static consteval const MetricSpec* find(std::string_view name) {
    for (const MetricSpec& spec : kCatalog) {
      if (spec.name == name && spec.kind == kKind) return &spec;
    }
    this_name_is_not_in_the_catalog_or_of_another_kind();
    return nullptr;
  }
  const MetricSpec* spec_;
};

using CounterSpec = SpecOf<Kind::kCounter>;
using GaugeSpec = SpecOf<Kind::kGauge>;
using HistogramSpec = SpecOf<Kind::kHistogram>;

}  // namespace headrace::metrics
