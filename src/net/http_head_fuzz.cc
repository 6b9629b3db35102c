// SPDX-License-Identifier: Apache-2.0
// Any bytes as the head of a request: in whatever pieces they come, the same are accepted, and what is accepted can be
// routed.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "net/http_head.h"
#include "net/socket_address.h"

using namespace headrace::net;

namespace {

constexpr std::size_t kHeadMax = 2048;

unsigned read_in_pieces(HttpHeadReader& reader, std::string_view text, std::size_t piece) {
  unsigned status = 0;
  while (status == 0 && !text.empty()) {
    const std::size_t size = piece < text.size() ? piece : text.size();
    status = reader.feed(text.substr(0, size));
    text.remove_prefix(size);
  }
  return status;
}

bool is_known(unsigned status) {
  return status == 0 || status == 200 || status == 400 || status == 405 || status == 413 || status == 431;
}

void check_head(std::string_view text) {
  HttpHeadReader by_bytes(kHeadMax), by_threes(kHeadMax);
  const unsigned status = read_in_pieces(by_bytes, text, 1), other = read_in_pieces(by_threes, text, 3);
  CHECK(is_known(status) && is_known(other));
  // What is wrong may be seen earlier or later, what is right is right in any pieces.
  CHECK((status == 200) == (other == 200));
  if (status == 0) CHECK(text.size() <= kHeadMax);
  if (status != 200) return;
  CHECK(by_bytes.request().path.starts_with('/') && by_bytes.request().path.find('?') == std::string::npos);
  CHECK(by_threes.request().path == by_bytes.request().path && by_threes.request().query == by_bytes.request().query &&
        by_threes.request().accept == by_bytes.request().accept &&
        by_threes.request().is_head == by_bytes.request().is_head);
}

void check_address(std::string_view text) {
  const auto address = parse_listen_address(text);
  if (!address) {
    CHECK(!address.error().message.empty());
    return;
  }
  const auto again = parse_listen_address(address->text());
  CHECK(again && again->text() == address->text() && again->is_loopback() == address->is_loopback());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_head(text);
  if (size < 64) check_address(text);
  return 0;
}
