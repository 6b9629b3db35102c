// SPDX-License-Identifier: Apache-2.0
// Sockets that never block: every wait is one poll() for the socket, the deadline and the end of the server.
#include "net/http_server.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/check.h"

namespace headrace::net {
namespace {

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

HttpResponse refusal(unsigned status) {
  return {status, "text/plain; charset=utf-8", fmt::format("{}\n", reason_of(status))};
}

std::string wire_form(const HttpResponse& response, bool is_head) {
  std::string out = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\n{}\r\n",
      response.status, reason_of(response.status), response.content_type, response.body.size(),
      response.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (!is_head) out += response.body;
  return out;
}

/// One connection: waits for it until the deadline or the end of the server.
class Connection {
 public:
  Connection(const Clock& clock, int fd, int closing, Moment deadline)
      : clock_(clock), fd_(fd), closing_(closing), deadline_(deadline) {}

  void set_deadline(Moment deadline) { deadline_ = deadline; }

  /// How many bytes came: 0 at the end of the stream. kTimedOut; kInterrupted: the server ends.
  Result<std::size_t> receive(std::span<char> into) {
    for (;;) {
      const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EAGAIN && errno != EINTR) return errno_error(errno, "recv");
      TRY_OK(wait_for(POLLIN));
    }
  }

  Result<void> send_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        text.remove_prefix(static_cast<std::size_t>(sent));
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) return errno_error(errno, "send");
      TRY_OK(wait_for(POLLOUT));
    }
    return {};
  }

 private:
  Result<void> wait_for(short events) {
    for (;;) {
      const Duration left = deadline_ - clock_.now();
      if (left <= Duration::zero()) return Code::kTimedOut;
      std::array<pollfd, 2> both{{{fd_, events, 0}, {closing_, POLLIN, 0}}};
      const auto millis = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      const int ready = ::poll(both.data(), both.size(), static_cast<int>(std::min<std::int64_t>(millis, 60'000)));
      if (ready < 0 && errno != EINTR) return errno_error(errno, "poll");
      if (both[1].revents != 0) return Code::kInterrupted;
      if (both[0].revents != 0) return {};
    }
  }

  const Clock& clock_;
  const int fd_;
  const int closing_;
  Moment deadline_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(Scheduler& scheduler, const Log& log, std::string_view address,
                                                      HttpRoutes routes, const HttpServerOptions& options) {
  TRY(const SocketAddress wanted, parse_listen_address(address));
  if (options.loopback_only && !wanted.is_loopback()) {
    return Error(Code::kInvalid,
                 fmt::format("{}: only an address of this machine (127.0.0.1, [::1]) is allowed here", wanted.text()));
  }
  TRY(UniqueFd listener, listen_on(wanted));
  TRY(const SocketAddress bound, local_address_of(listener.get()));
  UniqueFd closing(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!closing.is_open()) return errno_error(errno, "eventfd");
  return std::unique_ptr<HttpServer>(new HttpServer(scheduler, log, std::move(routes), options, std::move(listener),
                                                    std::move(closing), bound.text()));
}

HttpServer::HttpServer(Scheduler& scheduler, const Log& log, HttpRoutes routes, const HttpServerOptions& options,
                       UniqueFd listener, UniqueFd closing, std::string address)
    : scheduler_(scheduler),
      log_(log),
      routes_(std::move(routes)),
      options_(options),
      listener_(std::move(listener)),
      closing_(std::move(closing)),
      address_(std::move(address)),
      connection_ended_(scheduler.new_event()),
      workers_(scheduler, "http", options.connections_max, options.connections_max),
      acceptor_(scheduler.new_thread("http-accept", [this](const std::stop_token&) { accept_until_closed(); })) {}

HttpServer::~HttpServer() { close(); }

void HttpServer::close() {
  const std::uint64_t one = 1;
  CHECK(::write(closing_.get(), &one, sizeof one) == sizeof one);
  {
    MutexLock lock(mutex_);
    connection_ended_->notify_all();
  }
  if (acceptor_.joinable()) acceptor_.join();
  listener_.reset();
  workers_.close();
}

void HttpServer::accept_until_closed() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      // Ends by the end of connections, and they end with the server.
      CHECK(connection_ended_->wait(
          Scope(), mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return connections_ < options_.connections_max; }));
    }
    std::array<pollfd, 2> both{{{listener_.get(), POLLIN, 0}, {closing_.get(), POLLIN, 0}}};
    if (::poll(both.data(), both.size(), -1) < 0 && errno != EINTR) {
      log_.error("the HTTP server ends: poll failed",
                 {{"address", address_}, {"err", errno_error(errno, "poll").text()}});
      return;
    }
    if (both[1].revents != 0) return;
    if (both[0].revents == 0) continue;
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.is_open()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_.warn("cannot accept a connection", {{"address", address_}, {"err", errno_error(errno, "accept").text()}});
        // Whoever asks waits in the backlog meanwhile; the listener stays readable, so do not spin.
        std::array<pollfd, 1> only{{{closing_.get(), POLLIN, 0}}};
        ::poll(only.data(), only.size(), 100);
      }
      continue;
    }
    {
      MutexLock lock(mutex_);
      ++connections_;
    }
    // There is a worker or a place for each: connections_ counts both.
    CHECK(workers_.try_submit([this, fd = std::move(fd)]() mutable {
      serve(fd.get());
      fd.reset();
      MutexLock lock(mutex_);
      --connections_;
      connection_ended_->notify_all();
    }));
  }
}

void HttpServer::serve(int fd) {
  const Clock& clock = scheduler_.clock();
  Connection connection(clock, fd, closing_.get(), clock.now() + options_.request_time_max);
  HttpHeadReader head(options_.head_bytes_max);
  std::array<char, 4096> buffer;
  unsigned status = 0;
  while (status == 0) {
    const Result<std::size_t> got = connection.receive(buffer);
    if (!got && got.code() == Code::kTimedOut) {
      status = 408;
      connection.set_deadline(clock.now() + std::chrono::seconds(1));
    } else if (!got || *got == 0) {
      return;
    } else {
      status = head.feed(std::string_view(buffer.data(), *got));
    }
  }
  const HttpResponse response = status == 200 ? answer(head.request()) : refusal(status);
  if (!connection.send_all(wire_form(response, head.request().is_head))) {
    const linger none{.l_onoff = 1,
                      .l_linger = 0};  // whoever does not read leaves nothing behind in the system's buffers either
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    return;
  }
  // Closing with bytes unread would reset the connection, and the answer might be lost: read a little, for a little
  // while.
  ::shutdown(fd, SHUT_WR);
  connection.set_deadline(clock.now() + std::chrono::seconds(1));
  for (int i = 0; i < 16; ++i) {
    const Result<std::size_t> got = connection.receive(buffer);
    if (!got || *got == 0) return;
  }
}

HttpResponse HttpServer::answer(const HttpRequest& request) const {
  const auto route = routes_.find(request.path);
  if (route == routes_.end()) return refusal(404);
  return route->second(request);
}

}  // namespace headrace::net
