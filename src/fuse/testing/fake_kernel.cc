// SPDX-License-Identifier: Apache-2.0
#include "fuse/testing/fake_kernel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace headrace::fuse::testing {

FakeKernel::FakeKernel() : room_(kDataBytesMax + 4096) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  kernel_ = UniqueFd(ends[0]);
  device_ = UniqueFd(ends[1]);
  // A device that is gone answers a write with an error; a socket would end the process.
  signal(SIGPIPE, SIG_IGN);
}

Result<UniqueFd> FakeKernel::clone(int first) {
  UniqueFd copy(fcntl(first, F_DUPFD_CLOEXEC, 0));
  if (!copy.is_open()) return errno_error(errno, "dup");
  return copy;
}

void FakeKernel::send(const std::vector<std::byte>& message) {
  CHECK(write(kernel_.get(), message.data(), message.size()) == static_cast<ssize_t>(message.size()));
}

std::optional<FakeReply> FakeKernel::receive(int milliseconds) {
  pollfd one{kernel_.get(), POLLIN, 0};
  if (poll(&one, 1, milliseconds) <= 0) return std::nullopt;
  const ssize_t got = read(kernel_.get(), room_.data(), room_.size());
  if (got < static_cast<ssize_t>(sizeof(fuse_out_header))) return std::nullopt;
  const ByteSpan message = ByteSpan(room_).first(static_cast<std::size_t>(got));
  fuse_out_header header;
  std::memcpy(&header, message.data(), sizeof header);
  CHECK(header.len == message.size());
  return FakeReply{header.unique, header.error, {message.begin() + sizeof header, message.end()}};
}

RequestBuilder FakeKernel::init(std::uint32_t minor) {
  fuse_init_in in{};
  in.major = 7;
  in.minor = minor;
  in.max_readahead = 131072;
  // As a 6.18 kernel: bit 30 says that there is a second word.
  const bool is_wide = minor >= 36;
  in.flags = is_wide ? 0x73fffffb : 0x33fffffb;
  in.flags2 = minor >= 45 ? 0x000005fd : 0;
  RequestBuilder request(FUSE_INIT);
  return request.add(in, is_wide ? sizeof in : kInitInBytesBeforeExt);
}

}  // namespace headrace::fuse::testing
