// SPDX-License-Identifier: Apache-2.0
// Mounting by the kernel's own calls.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "fuse/abi.h"
#include "fuse/mount_roads.h"

namespace headrace::fuse {
namespace {

/// What fsopen's descriptor has to say about the last failure: lines "e fuse: …".
std::string complaint_of(int context) {
  std::array<char, 1024> text;
  const ssize_t got = read(context, text.data(), text.size());
  if (got <= 2) return {};
  std::string line(text.data(), static_cast<std::size_t>(got));
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line.substr(2);
}

Error refusal(int error, int context, std::string_view what) {
  const std::string complaint = context >= 0 ? complaint_of(context) : std::string();
  Error refused = errno_error(error, what);
  if (!complaint.empty()) refused.message += " (" + complaint + ")";
  if (error == EPERM) {
    return {Code::kNotPermitted,
            "mounting needs CAP_SYS_ADMIN: run as root, give the container that capability, or install fuse3 "
            "(fusermount3)"};
  }
  if (error == ENODEV) return {Code::kNotSupported, "this kernel has no FUSE: load the module (modprobe fuse)"};
  return refused;
}

struct Setting {
  const char* key;
  std::string value;  // empty: a flag
};

std::vector<Setting> settings_of(int device, const MountOptions& options) {
  std::vector<Setting> settings{{"source", options.source},
                                {"subtype", "headrace"},
                                {"fd", std::to_string(device)},
                                {"rootmode", "40000"},
                                {"user_id", std::to_string(geteuid())},
                                {"group_id", std::to_string(getegid())},
                                {"max_read", std::to_string(kDataBytesMax)},
                                {"default_permissions", {}}};
  if (options.allow_other) settings.push_back({"allow_other", {}});
  if (options.read_only) settings.push_back({"ro", {}});
  return settings;
}

Result<void> mount_by_old_call(int device, const std::string& path, const MountOptions& options) {
  const std::string data =
      fmt::format("fd={},rootmode=40000,user_id={},group_id={},max_read={},default_permissions{}", device, geteuid(),
                  getegid(), kDataBytesMax, options.allow_other ? ",allow_other" : "");
  const unsigned long flags = MS_NOSUID | MS_NODEV | (options.read_only ? MS_RDONLY : 0);
  if (mount(options.source.c_str(), path.c_str(), "fuse.headrace", flags, data.c_str()) != 0)
    return refusal(errno, -1, "mount at " + path);
  return {};
}

/// kNotImplemented: the kernel is older than these calls.
Result<void> mount_by_new_calls(int device, const std::string& path, const MountOptions& options) {
  const UniqueFd context(fsopen("fuse", FSOPEN_CLOEXEC));
  if (!context.is_open()) {
    if (errno == ENOSYS) return Code::kNotImplemented;
    return refusal(errno, -1, "fsopen fuse");
  }
  for (const Setting& setting : settings_of(device, options)) {
    const bool is_flag = setting.value.empty();
    const unsigned command = is_flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (fsconfig(context.get(), command, setting.key, is_flag ? nullptr : setting.value.c_str(), 0) != 0) {
      return refusal(errno, context.get(), std::string("mount option ") + setting.key);
    }
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return refusal(errno, context.get(), "create the FUSE mount");
  const unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (options.read_only ? MOUNT_ATTR_RDONLY : 0u);
  const UniqueFd tree(fsmount(context.get(), FSMOUNT_CLOEXEC, attributes));
  if (!tree.is_open()) return refusal(errno, context.get(), "fsmount");
  if (move_mount(tree.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return refusal(errno, -1, "mount at " + path);
  return {};
}

}  // namespace

Result<UniqueFd> open_fuse_device() {
  UniqueFd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device.is_open()) return device;
  switch (errno) {
    case ENOENT:
      return Error(Code::kNotSupported,
                   "/dev/fuse is missing: load the module (modprobe fuse), or give the container the device (--device "
                   "/dev/fuse)");
    case ENODEV:
    case ENXIO: return Error(Code::kNotSupported, "/dev/fuse has no driver: load the module (modprobe fuse)");
    case EACCES:
    case EPERM:
      return Error(
          Code::kNotPermitted,
          "/dev/fuse may not be opened: give this user read and write access to it, or the container the device");
    default: return errno_error(errno, "open /dev/fuse");
  }
}

Result<UniqueFd> mount_by_kernel(const std::string& path, const MountOptions& options) {
  TRY(UniqueFd device, open_fuse_device());
  Result<void> mounted = mount_by_new_calls(device.get(), path, options);
  if (!mounted && mounted.code() == Code::kNotImplemented) mounted = mount_by_old_call(device.get(), path, options);
  if (!mounted) return mounted.error();
  return device;
}

}  // namespace headrace::fuse
