// SPDX-License-Identifier: Apache-2.0
// Taking mounts away, and ending connections through fusectl.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "fuse/mount.h"
#include "fuse/mount_probe.h"
#include "fuse/mount_roads.h"
#include "fuse/mountinfo.h"

namespace headrace::fuse {
namespace {

constexpr Duration kProbeLimit = std::chrono::seconds(3);
constexpr unsigned kDeadMountsMax = 8;

Result<void> unmount_at(const std::string& path, bool lazy) {
  if (umount2(path.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return {};
  switch (errno) {
    case EPERM: return unmount_by_helper(path, lazy);
    case EBUSY: return Error(Code::kBusy, path + " is in use: close what is open there, or unmount it lazily (--lazy)");
    case EINVAL: return Error(Code::kInvalid, "nothing is mounted at " + path);
    default: return errno_error(errno, "unmount " + path);
  }
}

/// The fusectl file system: where it is mounted, or one of our own that no path leads to.
Result<UniqueFd> open_connections() {
  constexpr const char* kUsual = "/sys/fs/fuse/connections";
  TRY(const std::vector<MountEntry> mounts, read_mountinfo());
  for (const MountEntry& entry : mounts) {
    if (entry.type != "fusectl") continue;
    UniqueFd directory(open(entry.mount_point.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (directory.is_open()) return directory;
  }
  const UniqueFd context(fsopen("fusectl", FSOPEN_CLOEXEC));
  if (context.is_open() && fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
    UniqueFd tree(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
    if (tree.is_open()) return tree;
  }
  return Error(Code::kNotPermitted,
               std::string("the fusectl file system is not mounted (mount -t fusectl none ") + kUsual + ")");
}

Result<UniqueFd> open_in_connection(unsigned minor, const char* name, int flags) {
  TRY(const UniqueFd connections, open_connections());
  const std::string path = std::to_string(minor) + "/" + name;
  UniqueFd file(openat(connections.get(), path.c_str(), flags | O_CLOEXEC));
  if (file.is_open()) return file;
  if (errno == ENOENT) return Error(Code::kNotFound, "there is no FUSE connection " + std::to_string(minor));
  if (errno == EACCES)
    return Error(Code::kNotPermitted, "FUSE connection " + std::to_string(minor) + " is another user's");
  return errno_error(errno, "FUSE connection " + std::to_string(minor));
}

}  // namespace

Result<void> abort_connection(unsigned minor) {
  TRY(const UniqueFd file, open_in_connection(minor, "abort", O_WRONLY));
  if (write(file.get(), "1", 1) != 1) return errno_error(errno, "abort FUSE connection " + std::to_string(minor));
  return {};
}

Result<std::uint64_t> waiting_requests(unsigned minor) {
  TRY(const UniqueFd file, open_in_connection(minor, "waiting", O_RDONLY));
  char text[32];
  const ssize_t got = read(file.get(), text, sizeof text);
  std::uint64_t count = 0;
  if (got <= 0 || std::from_chars(text, text + got, count).ec != std::errc{})
    return Error(Code::kIo, "fusectl gives no count of waiting requests");
  return count;
}

Result<void> unmount_fuse(const std::string& mount_point, UnmountMode mode) {
  TRY(const std::string path, canonical_mount_point(mount_point));
  TRY(const std::vector<MountEntry> mounts, read_mountinfo());
  const std::optional<MountEntry> top = top_mount_at(mounts, path);
  if (!top) return Error(Code::kInvalid, "nothing is mounted at " + path);
  if (!top->is_fuse())
    return Error(Code::kInvalid, "what is mounted at " + path + " is no FUSE file system (" + top->type + ")");
  if (mode == UnmountMode::kForce) {
    // Without the abort, the unmount of a server that hangs would leave what waits for it waiting.
    const Result<void> aborted = abort_connection(top->minor);
    if (!aborted && aborted.code() != Code::kNotFound) return aborted;
  }
  return unmount_at(path, mode != UnmountMode::kNormal);
}

Result<bool> free_dead_mount(const Scope& scope, const std::string& mount_point) {
  bool freed_one = false;
  for (unsigned i = 0; i < kDeadMountsMax && !scope.stop.stop_requested(); ++i) {
    TRY(const PathState state, probe_path(mount_point, kProbeLimit));
    if (state != PathState::kDead) return freed_one;
    TRY(const std::string path, canonical_mount_point(mount_point));
    TRY(const std::vector<MountEntry> mounts, read_mountinfo());
    const std::optional<MountEntry> top = top_mount_at(mounts, path);
    if (!top || !top->is_ours()) return freed_one;
    TRY_OK(unmount_at(path, true));
    freed_one = true;
  }
  return freed_one;
}

}  // namespace headrace::fuse
