// SPDX-License-Identifier: Apache-2.0
// T-183: whatever bytes come from the device, parsing them ends, and what is accepted stays inside them.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "fuse/request.h"

namespace {

using namespace headrace;
using namespace headrace::fuse;

bool is_inside(ByteSpan whole, const void* at, std::size_t length) {
  const auto* const begin = reinterpret_cast<const std::byte*>(at);
  return length == 0 || (begin >= whole.data() && begin + length <= whole.data() + whole.size());
}

void must(bool condition) {
  if (!condition) std::abort();
}

void check(ByteSpan message, const Negotiated& negotiated) {
  const Result<Request> request = parse_request(message, negotiated);
  if (!request) return;
  must(describe(*request).size() <= 64 + 8 * message.size() + 256);
  if (const auto* write = std::get_if<WriteAsk>(&request->ask))
    must(is_inside(message, write->data.data(), write->data.size()));
  if (const auto* rename = std::get_if<RenameAsk>(&request->ask))
    must(is_inside(message, rename->new_name.data(), rename->new_name.size() + 1));
  if (const auto* set = std::get_if<SetxattrAsk>(&request->ask))
    must(is_inside(message, set->value.data(), set->value.size()));
  if (const auto* init = std::get_if<InitAsk>(&request->ask)) {
    const Result<Offer> offer = parse_init(init->body);
    if (offer) (void)negotiate(*offer, Wish{});
  }
  if (const auto* batch = std::get_if<BatchForgetAsk>(&request->ask)) {
    must(is_inside(message, batch->items.data(), batch->items.size()));
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < batch->count; ++i) sum += batch->at(i).nlookup;
    volatile std::uint64_t sink = sum;
    (void)sink;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Negotiated now = *negotiate(Offer{7, 45, 131072, ~std::uint64_t{0}}, Wish{});
  static const Negotiated extended = [] {
    Negotiated with_ext = now;
    with_ext.flags |= FUSE_SETXATTR_EXT;
    return with_ext;
  }();
  check(std::as_bytes(std::span(data, size)), now);
  // Most inputs fail at the length; with a right one the rest is reached. The copy has no slack, so that one byte too
  // far is seen.
  std::vector<std::byte> message(size);
  if (size >= sizeof(fuse_in_header)) {
    std::memcpy(message.data(), data, size);
    const auto length = static_cast<std::uint32_t>(size);
    std::memcpy(message.data(), &length, sizeof length);
    const std::uint32_t opcode = static_cast<std::uint32_t>(data[4]) % (kOpcodeCount + 1);
    std::memcpy(message.data() + 4, &opcode, sizeof opcode);
    check(message, now);
    check(message, extended);
  }
  return 0;
}
