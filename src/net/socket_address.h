// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on, as people write them: "127.0.0.1:9567", "[::1]:9567", "localhost:9567", ":9567" (every
// interface). Names other than localhost are refused, because asking for them may wait without end. Port 0: any free
// one.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace headrace::net {

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;

  bool is_loopback() const;
  /// As it is written in a URL: "127.0.0.1:9567", "[::1]:9567".
  std::string text() const;
};

/// kInvalid with a sentence.
Result<SocketAddress> parse_listen_address(std::string_view text);

/// A TCP socket that listens there and does not block. kBusy: the address is in use; kAccess: the port is for root;
/// other errors as the system gave them; each names the address.
Result<UniqueFd> listen_on(const SocketAddress& address);

/// Where a socket is bound, with the port that was chosen for port 0.
Result<SocketAddress> local_address_of(int fd);

}  // namespace headrace::net
