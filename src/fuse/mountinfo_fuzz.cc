// SPDX-License-Identifier: Apache-2.0
// mountinfo holds paths that users choose: every text is parsed to its end, and a line that is accepted has a mount
// point.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fuse/mountinfo.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const headrace::fuse::MountEntry& entry : headrace::fuse::parse_mountinfo(text)) {
    if (!entry.mount_point.starts_with('/') || entry.type.empty() || entry.mount_point.size() > size) std::abort();
  }
  return 0;
}
