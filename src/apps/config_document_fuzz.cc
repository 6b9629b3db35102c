// SPDX-License-Identifier: Apache-2.0
// The .config of whatever is mounted at a path: any text is a document or is refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "apps/mount_config.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto seen = headrace::apps::parse_config_document({reinterpret_cast<const char*>(data), size});
  if (!seen) CHECK(seen.code() == headrace::Code::kDamaged && !seen.error().message.empty());
  return 0;
}
