// SPDX-License-Identifier: Apache-2.0
// Any text as a volume's description: it is read or refused, and what was read is written and read back the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "meta/version.h"
#include "meta/volume_format.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::meta;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_version(text);
  (void)check_volume_name(text);
  const auto format = parse_format(text);
  if (!format) return 0;
  (void)admission(*format);
  const std::string written = format_document(*format);
  auto again = parse_format(written);
  CHECK(again.has_value());
  again->document = format->document;
  CHECK(*again == *format);
  CHECK(format_document(*parse_format(written)) == written);
  return 0;
}
