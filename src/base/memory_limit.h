// SPDX-License-Identifier: Apache-2.0
// How much memory this process may use, how much is in use, and whether the system suffers: the machine's RAM, the
// limits of the cgroups (v2 or v1) this process is in, and the kernel's pressure stall information.
//
// Sources: /proc/meminfo, /proc/self/cgroup, /proc/self/mountinfo, Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/memory.rst, Documentation/accounting/psi.rst of the kernel. A limit holds for a whole subtree of cgroups,
// so every one from ours up to the mount's root is asked; those above, outside a container, cannot be seen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace headrace {

struct MemoryUse {
  std::uint64_t machine_bytes = 0;    // RAM of the machine
  std::uint64_t available_bytes = 0;  // what the machine could give to new work without swapping
  std::optional<std::uint64_t>
      cgroup_limit;  // the smallest of memory.max and memory.high (v1: limit_in_bytes); nothing: no limit
  std::optional<std::uint64_t>
      cgroup_used;  // by the cgroup with that limit, page cache and tmpfs included; nothing: no limit
  std::uint64_t cgroup_reclaimable = 0;  // of it, page cache that is not in use

  /// What this process may use: the smaller of the cgroup's limit and the machine's RAM.
  std::uint64_t limit_bytes() const;
  /// How much of it is left before somebody is killed or throttled: page cache not in use counts as left.
  std::uint64_t left_bytes() const;
};

/// Share of time, 0 … 1, in which some or all tasks waited for memory, over the last ten and sixty seconds.
struct MemoryPressure {
  double some_10s = 0, some_60s = 0;
  double full_10s = 0, full_60s = 0;
};

/// Looks below `root` for /proc and /sys, so that tests can show another machine. Paths are found once; asking again
/// reads the numbers of now. Thread-safe.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::string root = "");

  /// kNotFound, kAccess … where /proc/meminfo cannot be read; kDamaged where it makes no sense. A cgroup that cannot be
  /// read counts as none.
  Result<MemoryUse> use() const;
  /// Of our cgroup, or of the machine where that has none. kNotSupported: the kernel was built or started without it.
  Result<MemoryPressure> pressure() const;

 private:
  std::string root_;
  bool is_v2_ = false;
  std::string mount_;      // where the cgroup file system is mounted, below root_
  std::string directory_;  // our cgroup in it; empty: no memory cgroup. At or below mount_.
};

}  // namespace headrace
