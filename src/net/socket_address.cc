// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 by the system's own parsers.
#include "net/socket_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace headrace::net {
namespace {

constexpr int kBacklog = 16;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

template <class Address>
SocketAddress made_of(const Address& address) {
  SocketAddress made;
  std::memcpy(&made.bytes, &address, sizeof address);
  made.size = sizeof address;
  return made;
}

template <class Address>
Address as(const SocketAddress& address) {
  Address out;
  std::memcpy(&out, &address.bytes, sizeof out);
  return out;
}

}  // namespace

bool SocketAddress::is_loopback() const {
  if (bytes.ss_family == AF_INET) return ntohl(as<sockaddr_in>(*this).sin_addr.s_addr) >> 24 == 127;
  const sockaddr_in6 six = as<sockaddr_in6>(*this);
  if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) return six.sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
}

std::string SocketAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (bytes.ss_family == AF_INET) {
    const sockaddr_in four = as<sockaddr_in>(*this);
    ::inet_ntop(AF_INET, &four.sin_addr, host.data(), host.size());
    return fmt::format("{}:{}", host.data(), ntohs(four.sin_port));
  }
  const sockaddr_in6 six = as<sockaddr_in6>(*this);
  ::inet_ntop(AF_INET6, &six.sin6_addr, host.data(), host.size());
  return fmt::format("[{}]:{}", host.data(), ntohs(six.sin6_port));
}

Result<SocketAddress> parse_listen_address(std::string_view text) {
  const auto refuse = [&] {
    return Error(
        Code::kInvalid,
        fmt::format("an address to listen on is IP:PORT, such as 127.0.0.1:9567 or [::1]:9567, got \"{}\"", text));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return refuse();
  const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1));
  std::string host(text.substr(0, colon));
  if (!port) return refuse();
  if (host == "localhost") host = "127.0.0.1";
  if (host.empty()) host = "[::]";
  if (host.starts_with('[') && host.ends_with(']')) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(*port);
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six.sin6_addr) != 1) return refuse();
    return made_of(six);
  }
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(*port);
  if (host.contains('\0') || ::inet_pton(AF_INET, host.c_str(), &four.sin_addr) != 1) return refuse();
  return made_of(four);
}

Result<UniqueFd> listen_on(const SocketAddress& address) {
  const auto failed = [&](int error) {
    if (error == EADDRINUSE)
      return Error(Code::kBusy, address.text() + ": the address is already in use by another process");
    if (error == EACCES) return Error(Code::kAccess, address.text() + ": ports below 1024 are for root");
    if (error == EADDRNOTAVAIL)
      return Error(Code::kInvalid, address.text() + ": this machine does not have that address");
    return errno_error(error, "listen on " + address.text());
  };
  UniqueFd fd(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return failed(errno);
  const int on = 1, off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // connections that just ended do not hold the port
  if (address.bytes.ss_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) != 0) return failed(errno);
  if (::listen(fd.get(), kBacklog) != 0) return failed(errno);
  return fd;
}

Result<SocketAddress> local_address_of(int fd) {
  SocketAddress address;
  address.size = sizeof address.bytes;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address.bytes), &address.size) != 0)
    return errno_error(errno, "getsockname");
  return address;
}

}  // namespace headrace::net
