// SPDX-License-Identifier: Apache-2.0
// Looks at a path that may be a mount without an answer, from a child process, so that this one does not hang with it.
#pragma once

#include <string>

#include "base/result.h"
#include "base/scope.h"

namespace headrace::fuse {

enum class PathState {
  kDirectory,
  kOther,  // exists and is no directory
  kMissing,
  kDead,       // a mount whose server is gone
  kSilent,     // no answer in time: a mount whose server hangs
  kForbidden,  // EACCES: a user's mount without allow_other, or a directory on the way
};

/// At most `limit`. The child holds nothing of ours when it hangs for longer.
Result<PathState> probe_path(const std::string& path, Duration limit);

/// The canonical path of a mount point that itself must not be looked at: its parent's, and its name.
Result<std::string> canonical_mount_point(const std::string& path);

}  // namespace headrace::fuse
