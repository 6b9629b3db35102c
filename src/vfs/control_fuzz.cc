// SPDX-License-Identifier: Apache-2.0
// What any process may write to .control: a request is complete exactly when all of it has come, in whatever pieces,
// and a list of paths to warm names nothing that was not in the request.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "vfs/virtual_files.h"
#include "vfs/warmer.h"

using namespace headrace;
using namespace headrace::vfs;

namespace {

/// The first request that comes of these bytes, or why there is none; empty: more is needed.
std::optional<Result<std::string>> first_request(std::string_view text, std::size_t piece) {
  Conversation conversation;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, piece);
    Result<std::string> heard = conversation.hear(bytes_of(part));
    if (!heard || !heard->empty()) return heard;
    text.remove_prefix(part.size());
  }
  return std::nullopt;
}

void check_conversation(std::string_view text) {
  const auto by_bytes = first_request(text, 1), by_fives = first_request(text, 5);
  if (by_bytes && *by_bytes) CHECK((**by_bytes).size() >= 8 && text.starts_with(**by_bytes));
  // Bytes behind a request that come together with its end are another matter; a request is the same.
  if (by_bytes && by_fives && *by_bytes && *by_fives) CHECK(**by_bytes == **by_fives);
}

void check_warm_request(std::string_view body) {
  const Result<WarmRequest> request = parse_warm_request(body);
  if (!request) {
    CHECK(request.code() == Code::kInvalid);
    return;
  }
  CHECK(request->threads >= 1);
  for (const std::string& path : request->paths)
    CHECK(!path.empty() && body.find(path) != std::string_view::npos && path.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size <= 4096) check_conversation(text);
  check_warm_request(text);
  return 0;
}
