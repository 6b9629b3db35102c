// SPDX-License-Identifier: Apache-2.0
#include "fuse/reply.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace headrace::fuse {
namespace {

iovec part_of(ByteSpan bytes) { return {const_cast<std::byte*>(bytes.data()), bytes.size()}; }

}  // namespace

Reply::Reply(Reply&& other) noexcept
    : port_(std::exchange(other.port_, nullptr)),
      kept_(std::move(other.kept_)),
      device_(other.device_),
      header_(other.header_),
      started_(other.started_),
      args_(std::move(other.args_)) {}

Reply::~Reply() {
  if (port_ != nullptr) send(errno_of(Code::kIo), {}, {}, true);
}

bool Reply::send(int error, ByteSpan first, ByteSpan second, bool was_forgotten) {
  ReplyPort* const port = std::exchange(port_, nullptr);
  CHECK(port != nullptr);  // a request is answered once
  const std::size_t body_bytes = first.size() + second.size();
  bool was_taken = true;
  if (wants_reply(header_.opcode)) {
    const fuse_out_header out{static_cast<std::uint32_t>(sizeof(fuse_out_header) + body_bytes), -error, header_.unique};
    const std::array<iovec, 3> parts{part_of(std::as_bytes(std::span(&out, 1))), part_of(first), part_of(second)};
    was_taken = port->send(device_, header_, std::span(parts).first(second.empty() ? first.empty() ? 1 : 2 : 3));
  }
  port->answered({header_, error, body_bytes, started_, was_forgotten, args_});
  return was_taken;
}

}  // namespace headrace::fuse
