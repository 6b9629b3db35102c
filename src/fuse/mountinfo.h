// SPDX-License-Identifier: Apache-2.0
// /proc/self/mountinfo (proc(5)): what is mounted where, without touching any of it. Pure, but for read_mountinfo().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace headrace::fuse {

struct MountEntry {
  unsigned id = 0, parent_id = 0;
  unsigned major = 0, minor = 0;  // of st_dev; the minor names a FUSE connection
  std::string root, mount_point;  // escapes undone
  std::string type, source;
  std::string options, super_options;

  bool is_fuse() const { return type == "fuse" || type.starts_with("fuse."); }
  /// One of this program's.
  bool is_ours() const { return type == "fuse.headrace"; }
  friend bool operator==(const MountEntry&, const MountEntry&) = default;
};

/// Nothing for a line that is not of the form.
std::optional<MountEntry> parse_mountinfo_line(std::string_view line);
/// In the order of the file, which is the order of mounting. Lines that are not of the form are left out.
std::vector<MountEntry> parse_mountinfo(std::string_view text);

/// What one sees at this path: the last one mounted there. The path is absolute and canonical.
std::optional<MountEntry> top_mount_at(const std::vector<MountEntry>& mounts, std::string_view path);

/// Of this process's own mount namespace.
Result<std::vector<MountEntry>> read_mountinfo();

}  // namespace headrace::fuse
