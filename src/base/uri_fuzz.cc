// SPDX-License-Identifier: Apache-2.0
// Any text is a value or a refusal, and what is shown of it holds no password.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/log.h"
#include "base/uri.h"

using namespace headrace;

namespace {

void check_size(std::string_view text) {
  const Result<std::uint64_t> size = parse_size(text);
  if (!size) {
    CHECK(size.code() == Code::kInvalid && !size.error().message.empty());
    return;
  }
  const std::string shown = format_size(*size);
  const Result<std::uint64_t> again = parse_size(shown);
  CHECK(again ? format_size(*again) == shown : shown == "16 EiB");
}

void check_duration(std::string_view text) {
  const Result<Duration> length = parse_duration(text);
  if (!length) {
    CHECK(length.code() == Code::kInvalid && !length.error().message.empty());
    return;
  }
  CHECK(length->count() >= 0);
  const std::string shown = format_duration(*length);
  const Result<Duration> again = parse_duration(shown);
  CHECK(again && *again <= *length && format_duration(*again) == shown);
}

void check_url(std::string_view text) {
  const Result<Url> url = parse_url(text);
  if (!url) {
    CHECK(url.code() == Code::kInvalid && !url.error().message.empty());
    return;
  }
  CHECK(!url->scheme.empty() && !url->rest.empty());
  if (url->password.empty()) return;
  Url other = *url;
  other.password = "x";
  const std::string shown = url->redacted();
  CHECK(shown == other.redacted());  // what is shown does not depend on the password
  // Nor does free text hold one of eight or more characters, unless other parts of the text say the same.
  if (url->password.size() >= 8 && shown.find(url->password) == shown.npos &&
      text.find(url->password) == text.rfind(url->password)) {
    CHECK(redacted(text).find(url->password) == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_size(text);
  check_duration(text);
  check_url(text);
  const std::string once = redacted(text);
  CHECK(redacted(once) == once);
  return 0;
}
