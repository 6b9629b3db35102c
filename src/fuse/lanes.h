// SPDX-License-Identifier: Apache-2.0
// Which ways into the kernel a mount may use (`--lanes`), which ones this machine has, and what to do about the missing
// ones: for `mount`, `status` and `doctor`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "fuse/init.h"

namespace headrace::fuse {

/// The classic lane is always there: it also carries what the others cannot.
struct LaneChoice {
  enum class Passthrough { kOff, kIfPossible, kRequired } passthrough = Passthrough::kIfPossible;
  friend bool operator==(const LaneChoice&, const LaneChoice&) = default;
};

/// "auto" (or nothing), "classic", "passthrough,classic". kInvalid with the sentence for a person.
Result<LaneChoice> parse_lanes(std::string_view text);

/// What the lanes depend on, looked up once.
struct HostFacts {
  std::string kernel_release;         // uname -r
  bool has_device = false;            // /dev/fuse can be opened
  std::string device_error;           // why not
  bool has_admin_capability = false;  // CAP_SYS_ADMIN is effective
  bool is_first_user_namespace = false;
  std::optional<bool> uring_enabled;  // the fuse module's switch; nothing where there is none
};
HostFacts look_at_host();

/// Whether this process may register backing files.
inline bool may_pass_through(const HostFacts& host) {
  return host.has_admin_capability && host.is_first_user_namespace;
}

struct LaneState {
  bool is_on = false;
  std::string why;  // one sentence, with what to do about it where something can be done
};
struct LaneReport {
  std::string kernel_release;
  std::string protocol;  // "7.45"; empty before a mount
  LaneState classic, passthrough, io_uring;
};

/// What a mount on this host would get (without a connection), or what one got. Pure.
LaneReport report_lanes(const HostFacts& host, const LaneChoice& choice, const Negotiated* connection);

}  // namespace headrace::fuse
