// SPDX-License-Identifier: Apache-2.0
// The questions before a mount, and what is done after it.
#include "fuse/mount.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "fuse/lanes.h"
#include "fuse/mount_probe.h"
#include "fuse/mount_roads.h"
#include "fuse/mountinfo.h"

namespace headrace::fuse {
namespace {

constexpr Duration kProbeLimit = std::chrono::seconds(3);
constexpr const char* kFuseConf = "/etc/fuse.conf";

Result<void> check_options(const MountOptions& options) {
  if (options.mount_point.empty()) return Error(Code::kInvalid, "no mount point was given");
  // The helper takes options as words between commas.
  if (options.source.empty() || options.source.find_first_of(",\n\\") != std::string::npos) {
    return Error(Code::kInvalid, "the name of the mounted volume has a comma, a backslash or a newline, or is empty");
  }
  return {};
}

Result<std::string> read_small_file(const char* path) {
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return errno_error(errno, path);
  std::string text(65536, '\0');
  TRY(const std::size_t got, pread_full(file.get(), std::as_writable_bytes(std::span(text)), 0));
  text.resize(got);
  return text;
}

/// Something is mounted at this path already, and it answers (or not).
Result<void> check_free(const std::string& path, PathState state) {
  TRY(const std::vector<MountEntry> mounts, read_mountinfo());
  const std::optional<MountEntry> top = top_mount_at(mounts, path);
  if (state == PathState::kSilent) {
    return Error(
        Code::kBusy,
        path + " does not answer: the server of what is mounted there hangs; end it with headrace umount --force " +
            path);
  }
  if (state == PathState::kDead) {
    const std::string type = top ? top->type : "unknown";
    return Error(Code::kBusy, path + " is a dead mount of another program (" + type +
                                  "): unmount it first (umount -l " + path + ")");
  }
  if (top && top->is_ours()) {
    return Error(Code::kBusy, path + " is a Headrace mount already (" + top->source +
                                  "): unmount it first (headrace umount " + path + ")");
  }
  return {};
}

/// The canonical mount point, free to be mounted on.
Result<std::string> prepare(const Scope& scope, const Log& log, const std::string& path) {
  TRY(PathState state, probe_path(path, kProbeLimit));
  if (state == PathState::kDead) {
    TRY(const bool was_freed, free_dead_mount(scope, path));
    if (was_freed) {
      log.warn("a dead mount was in the way and is unmounted", {{"mount_point", path}});
      TRY(state, probe_path(path, kProbeLimit));
    }
  }
  switch (state) {
    case PathState::kMissing:
      return Error(Code::kNotFound, "the mount point " + path + " does not exist: create it (mkdir -p " + path + ")");
    case PathState::kOther: return Error(Code::kNotDirectory, "the mount point " + path + " is not a directory");
    case PathState::kForbidden:
      return Error(Code::kAccess, "the mount point " + path + " may not be looked at by this user");
    case PathState::kDead:
    case PathState::kSilent: {
      TRY(const std::string canonical, canonical_mount_point(path));
      TRY_OK(check_free(canonical, state));
      return Error(Code::kBusy, path + " does not answer");
    }
    case PathState::kDirectory: break;
  }
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) return errno_error(errno, path);
  TRY_OK(check_free(resolved, state));
  return std::string(resolved);
}

Result<UniqueFd> mount_as_user(const Scope& scope, const std::string& path, const MountOptions& options) {
  if (options.allow_other && geteuid() != 0) {
    const Result<std::string> conf = read_small_file(kFuseConf);
    TRY_OK(check_user_allow_other(conf ? std::string_view(*conf) : std::string_view()));
  }
  return mount_by_helper(scope, path, options);
}

}  // namespace

Result<Mounted> mount_fuse(const Scope& scope, const Log& log, const MountOptions& options) {
  TRY_OK(check_options(options));
  Mounted mounted;
  TRY(mounted.mount_point, prepare(scope, log, options.mount_point));
  Result<UniqueFd> device = Error(Code::kNotPermitted);
  if (look_at_host().has_admin_capability) device = mount_by_kernel(mounted.mount_point, options);
  if (!device && device.code() == Code::kNotPermitted) {
    const Error refused = device.error();
    device = mount_as_user(scope, mounted.mount_point, options);
    mounted.by_helper = true;
    // Without the helper, the kernel's own refusal says more.
    if (!device && device.code() == Code::kNotSupported && !refused.message.empty()) return refused;
  }
  if (!device) return device.error();
  mounted.device = std::move(*device);
  TRY(const std::vector<MountEntry> mounts, read_mountinfo());
  const std::optional<MountEntry> top = top_mount_at(mounts, mounted.mount_point);
  if (!top || !top->is_ours())
    return Error(Code::kIo, "the mount at " + mounted.mount_point + " is not to be seen after it was made");
  mounted.major = top->major;
  mounted.minor = top->minor;
  return mounted;
}

Result<void> set_read_ahead(unsigned major, unsigned minor, std::uint32_t kib) {
  const std::string path = "/sys/class/bdi/" + std::to_string(major) + ":" + std::to_string(minor) + "/read_ahead_kb";
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) return errno_error(errno, path);
  const std::string text = std::to_string(kib);
  Result<void> written = write_all(file.get(), bytes_of(text));
  if (!written) return Error(written.code(), path + ": " + written.error().text());
  return {};
}

}  // namespace headrace::fuse
