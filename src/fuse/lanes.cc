// SPDX-License-Identifier: Apache-2.0
#include "fuse/lanes.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/fd.h"

namespace headrace::fuse {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

std::string first_line_of(const char* path) {
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 256> bytes;
  const ssize_t got = file.is_open() ? read(file.get(), bytes.data(), bytes.size()) : -1;
  if (got <= 0) return {};
  const std::string_view text(bytes.data(), static_cast<std::size_t>(got));
  return std::string(trimmed(text.substr(0, text.find('\n'))));
}

bool has_admin_capability() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data[CAP_SYS_ADMIN / 32].effective & (1u << (CAP_SYS_ADMIN % 32))) != 0;
}

/// The first user namespace maps every id to itself: "0 0 4294967295".
bool is_first_user_namespace() {
  std::string map = first_line_of("/proc/self/uid_map");
  std::string packed;
  for (const char c : map) {
    if (c != ' ' || (!packed.empty() && packed.back() != ' ')) packed += c;
  }
  return packed == "0 0 4294967295";
}

struct Version {
  unsigned major = 0, minor = 0;
  auto operator<=>(const Version&) const = default;
};
Version version_of(std::string_view release) {
  Version version;
  const auto [dot, error] = std::from_chars(release.data(), release.data() + release.size(), version.major);
  if (error != std::errc{} || dot == release.data() + release.size() || *dot != '.') return version;
  std::from_chars(dot + 1, release.data() + release.size(), version.minor);
  return version;
}
constexpr Version kFirstWithPassthrough{6, 9};

LaneState passthrough_state(const HostFacts& host, const LaneChoice& choice, const Negotiated* connection) {
  if (choice.passthrough == LaneChoice::Passthrough::kOff) return {false, "switched off by --lanes"};
  if (version_of(host.kernel_release) < kFirstWithPassthrough) {
    return {false, "this kernel has no passthrough: Linux 6.9 or later is needed, this is " + host.kernel_release};
  }
  if (!host.has_admin_capability)
    return {false, "no CAP_SYS_ADMIN: mount as root, or give the container that capability"};
  if (!host.is_first_user_namespace) {
    return {false,
            "inside a user namespace the kernel registers no backing files: run without one (rootless containers have "
            "one)"};
  }
  if (connection != nullptr && !connection->has_passthrough()) {
    return {false, "the kernel did not offer it: it was built without CONFIG_FUSE_PASSTHROUGH"};
  }
  return {true, connection != nullptr ? "negotiated" : "the kernel and the capabilities allow it"};
}

LaneState io_uring_state(const HostFacts& host) {
  if (!host.uring_enabled) return {false, "not in this version, and this kernel has none (Linux 6.14 or later)"};
  return {false, "not in this version"};
}

}  // namespace

Result<LaneChoice> parse_lanes(std::string_view text) {
  if (trimmed(text).empty() || trimmed(text) == "auto") return LaneChoice{};
  bool classic = false;
  LaneChoice choice{LaneChoice::Passthrough::kOff};
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view lane = trimmed(text.substr(0, comma));
    if (lane == "classic") {
      classic = true;
    } else if (lane == "passthrough") {
      choice.passthrough = LaneChoice::Passthrough::kRequired;
    } else if (lane == "io_uring") {
      return Error(Code::kInvalid,
                   "--lanes: io_uring is not in this version; use auto, classic or passthrough,classic");
    } else if (lane == "auto") {
      return Error(Code::kInvalid, "--lanes: auto stands alone");
    } else {
      return Error(Code::kInvalid,
                   "--lanes: there is no lane '" + std::string(lane) + "'; use auto, classic or passthrough,classic");
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (!classic)
    return Error(Code::kInvalid,
                 "--lanes: classic cannot be left out: everything but reads goes through it; use passthrough,classic");
  return choice;
}

HostFacts look_at_host() {
  HostFacts host;
  utsname name{};
  if (uname(&name) == 0) host.kernel_release = name.release;
  const UniqueFd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  host.has_device = device.is_open();
  if (!host.has_device) host.device_error = errno_error(errno, "open /dev/fuse").message;
  host.has_admin_capability = has_admin_capability();
  host.is_first_user_namespace = is_first_user_namespace();
  const std::string uring = first_line_of("/sys/module/fuse/parameters/enable_uring");
  if (!uring.empty()) host.uring_enabled = uring == "Y" || uring == "1";
  return host;
}

LaneReport report_lanes(const HostFacts& host, const LaneChoice& choice, const Negotiated* connection) {
  LaneReport report;
  report.kernel_release = host.kernel_release;
  if (connection != nullptr) report.protocol = "7." + std::to_string(connection->minor);
  report.classic =
      connection != nullptr || host.has_device ? LaneState{true, "always there"} : LaneState{false, host.device_error};
  report.passthrough = passthrough_state(host, choice, connection);
  report.io_uring = io_uring_state(host);
  return report;
}

}  // namespace headrace::fuse
