// SPDX-License-Identifier: Apache-2.0
// The two ways to a mounted /dev/fuse descriptor, without any of the questions that mount.h asks before: for mount.cc
// and unmount.cc.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/scope.h"
#include "fuse/mount.h"

namespace headrace::fuse {

/// Opens /dev/fuse. kNotSupported: there is none, and what to do; kNotPermitted.
Result<UniqueFd> open_fuse_device();

/// fsopen and its kin (Linux 5.2), whose refusals say why; where they are missing, mount(2). `path` is canonical.
/// kNotPermitted: no CAP_SYS_ADMIN.
Result<UniqueFd> mount_by_kernel(const std::string& path, const MountOptions& options);

/// fusermount3, which is setuid, hands the descriptor back. kNotSupported: it is not installed; kNotPermitted, with
/// what it said.
Result<UniqueFd> mount_by_helper(const Scope& scope, const std::string& path, const MountOptions& options);

/// fusermount3 -u, or -uz. kBusy: in use.
Result<void> unmount_by_helper(const std::string& path, bool lazy);

/// Why a user may not ask for allow_other: /etc/fuse.conf does not say user_allow_other, and at which line it does not.
/// Ok: it does. Pure.
Result<void> check_user_allow_other(std::string_view fuse_conf);

}  // namespace headrace::fuse
