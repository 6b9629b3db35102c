// SPDX-License-Identifier: Apache-2.0
// What a mount says of itself in its `.config` file: JuiceFS's members (juicefs-volume-format, section 8.1), and ours
// below "Headrace". `status`, `umount` and `stats` read it. Holds no secret.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apps/mount_options.h"
#include "fuse/lanes.h"
#include "meta/volume_format.h"

namespace headrace::apps {

struct MountFacts {
  const MountSettings& settings;
  const meta::VolumeFormat& format;
  std::uint64_t session = 0;
  int pid = 0;
  int supervisor = 0;                // its process; 0: none
  std::uint32_t restarts = 0;        // how often a server took over
  std::int64_t mounted_seconds = 0;  // Unix time
  fuse::LaneReport lanes;
  std::string tier_place;       // "tmpfs with huge pages", "none" …
  std::string metrics_address;  // where it listens; empty: nowhere
  std::string_view version;
};

/// The document, one space of indent, as JuiceFS writes it.
std::string config_document(const MountFacts& facts);

/// What commands want of a document of either program.
struct SeenConfig {
  std::string volume, uuid, metadata, version;
  std::optional<int> pid, supervisor;
  std::uint64_t restarts = 0;
  bool is_read_only = false;
  std::optional<std::uint64_t> cache_bytes, buffer_bytes;
  std::int64_t mounted_seconds = 0;
  struct Lane {
    bool is_on = false;
    std::string why;
  };
  Lane passthrough, io_uring;
  std::string protocol, tier_place, metrics_address;
};
/// kDamaged: no such document.
Result<SeenConfig> parse_config_document(std::string_view text);

}  // namespace headrace::apps
