// SPDX-License-Identifier: Apache-2.0
// What `headrace doctor` looks at, each with what to do about it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "fuse/lanes.h"

namespace headrace::apps {

/// kNote: good to know, nothing to do. kWarn: works, but worse than it could. kFail: mounting will not work.
enum class Health { kOk, kNote, kWarn, kFail };
std::string_view name_of(Health health);

struct Check {
  std::string name;
  Health health = Health::kOk;
  std::string what;    // what was seen
  std::string remedy;  // what to do; empty: nothing
};

/// What the checks look at, so that tests can show another machine.
struct DoctorFacts {
  fuse::HostFacts host;
  bool has_mount_helper = false;  // fusermount3 is in PATH
  bool is_root = false;
  std::string fuse_conf;             // /etc/fuse.conf
  bool has_fusectl = false;          // /sys/fs/fuse/connections is mounted
  std::uint64_t open_files_max = 0;  // the hard limit
  Result<MemoryUse> memory = Code::kNotFound;
  bool has_pressure = false;  // the kernel tells of memory pressure
  std::string tier_place;     // "tmpfs with huge pages" … "none"
  std::string sqlite_version;
  bool sqlite_needs_guard = false;
};
DoctorFacts look_at_machine(const Log& log, const std::string& path_variable);

/// Pure.
std::vector<Check> machine_checks(const DoctorFacts& facts);

}  // namespace headrace::apps
