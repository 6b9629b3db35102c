// SPDX-License-Identifier: Apache-2.0
// The flags of `headrace mount`, and the settings that come of them on this machine.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_limit.h"
#include "cli/options.h"
#include "cli/outcome.h"
#include "fuse/lanes.h"

namespace headrace::apps {

/// The tables: what is taken, and what JuiceFS has and we refuse by name.
std::vector<cli::OptionSpec> mount_option_specs();
std::vector<cli::RefusedOption> refused_mount_options();

struct MountSettings {
  std::string meta_url;
  std::string mount_point;  // absolute
  std::string bucket;       // in place of the volume's; empty: the volume's
  bool is_background = false;
  std::string log_file;  // of a server in the background
  bool is_read_only = false;
  bool allow_other = false;
  std::uint64_t cache_bytes = 0;  // the node tier; 0: none
  bool caches_large_writes = false;
  std::uint64_t buffer_bytes = 0;  // the memory budget
  std::uint32_t uploads_max = 0, downloads_max = 0;
  Duration attr_ttl{0}, entry_ttl{0}, dir_entry_ttl{0};
  Duration heartbeat{0}, get_timeout{0}, put_timeout{0};
  std::uint32_t restarts_max = 5;  // a minute
  bool background_jobs = true, xattrs = true, hide_internal = false;
  Duration backup_interval{0};  // of the metadata; 0: none
  bool backup_skips_trash = false;
  fuse::LaneChoice lanes;
  std::string metrics_address;                // HOST:PORT; empty: none
  bool is_metrics_address_asked_for = false;  // else another port will do
};

/// kUsage with the sentence to print.
std::expected<MountSettings, cli::Failure> mount_settings(const cli::Options& options,
                                                          const cli::Environment& environment, const MemoryUse& memory);

/// Default sizes, given what this process may use.
std::uint64_t default_cache_bytes(const MemoryUse& memory);
std::uint64_t default_buffer_bytes(const MemoryUse& memory);

}  // namespace headrace::apps
