// SPDX-License-Identifier: Apache-2.0
// Mounting and unmounting: by the kernel's own calls where we may, through fusermount3 where we may not. Every refusal
// is one sentence that says what to do. A process never touches a path below a mount that it serves; what has to be
// asked of a foreign mount is asked by a short-lived child.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "base/scope.h"

namespace headrace::fuse {

struct MountOptions {
  std::string mount_point;
  std::string source = "headrace";  // the first column of /proc/mounts: the volume's name; no commas
  bool allow_other = false;         // other users may look in; the kernel checks their rights in any case
  bool read_only = false;
};

struct Mounted {
  UniqueFd device;
  std::string mount_point;        // canonical
  unsigned major = 0, minor = 0;  // of the mount's st_dev
  bool by_helper = false;         // through fusermount3: no passthrough
};

/// Mounts with nosuid, nodev, default_permissions, type fuse.headrace. The mount is visible when this returns, and
/// answers when the session serves: INIT first. A dead mount of ours at the same place is freed first. `log` is told
/// what is odd and no refusal. kNotFound, kNotDirectory: the mount point. kBusy: a mount of ours is there already, or
/// one that does not answer. kNotPermitted: what is missing. kNotSupported: no FUSE here. kInvalid: an option.
Result<Mounted> mount_fuse(const Scope& scope, const Log& log, const MountOptions& options);

/// How much the kernel reads ahead in buffered reads of this mount: 128 KiB by itself, and INIT can only lower it.
/// After INIT, which sets it. An error is none to stop for: it costs speed alone.
Result<void> set_read_ahead(unsigned major, unsigned minor, std::uint32_t kib);

enum class UnmountMode {
  kNormal,  // refuses while something is open there
  kLazy,    // out of sight at once, gone with the last open file
  kForce,   // what is open fails from now on; for a server that does not answer
};
/// kInvalid: nothing is mounted there. kBusy: in use, kNormal alone. kNotPermitted.
Result<void> unmount_fuse(const std::string& mount_point, UnmountMode mode);

/// Takes away a mount of ours whose server is gone ("Transport endpoint is not connected"). True: there was one. False:
/// there was none, or a living one, or somebody else's.
Result<bool> free_dead_mount(const Scope& scope, const std::string& mount_point);

/// Ends a connection: all that waits on it fails with ECONNABORTED. By the minor number of the mount's device.
/// kNotFound: no such connection.
Result<void> abort_connection(unsigned minor);

/// How many requests of a connection are not answered yet: what `status` shows of a server that may hang.
Result<std::uint64_t> waiting_requests(unsigned minor);

}  // namespace headrace::fuse
