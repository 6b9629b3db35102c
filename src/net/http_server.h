// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server for metrics and health: GET and HEAD of a few fixed paths, one request a connection, no
// bodies, no TLS. Everything is bounded: how many connections are served at once (more wait in the system's backlog of
// 16), how long a head may be, how long a request may take from its first byte to the last of the answer.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/event.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "net/http_head.h"
#include "net/socket_address.h"

namespace headrace::net {

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// Answers one request. Called by several threads at once; must be quick: close() waits for it. Throws nothing.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;
/// By exact path, such as "/metrics".
using HttpRoutes = std::map<std::string, HttpHandler, std::less<>>;

struct HttpServerOptions {
  bool loopback_only = false;  // an address that others can reach is refused (kInvalid)
  std::size_t connections_max = 8;
  std::size_t head_bytes_max = 8u << 10;
  Duration request_time_max = std::chrono::seconds(10);
};

class HttpServer {
 public:
  /// Listens on `address` ("127.0.0.1:9567", see net/socket_address.h) and serves until close(). kInvalid: not an
  /// address; kBusy: in use; kAccess: the port is for root. The message names the address. Scheduler, log and what the
  /// routes refer to outlive the server.
  static Result<std::unique_ptr<HttpServer>> start(Scheduler& scheduler, const Log& log, std::string_view address,
                                                   HttpRoutes routes, const HttpServerOptions& options = {});
  ~HttpServer();  // close()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Where it listens, with the port that was chosen for port 0: "127.0.0.1:40123". Thread-safe.
  const std::string& address() const { return address_; }

  /// Ends listening and all connections, also those in the middle of a request, and waits for handlers that run.
  /// Idempotent; not from two threads at once.
  void close();

 private:
  HttpServer(Scheduler& scheduler, const Log& log, HttpRoutes routes, const HttpServerOptions& options,
             UniqueFd listener, UniqueFd closing, std::string address);

  void accept_until_closed();
  void serve(int fd);
  HttpResponse answer(const HttpRequest& request) const;

  Scheduler& scheduler_;
  const Log& log_;
  const HttpRoutes routes_;
  const HttpServerOptions options_;
  UniqueFd listener_;       // of the acceptor until it has ended
  const UniqueFd closing_;  // an eventfd: readable from close() on; every poll() looks at it
  const std::string address_;

  Mutex mutex_;
  std::size_t connections_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Event> connection_ended_;
  ThreadPool workers_;
  std::jthread acceptor_;
};

}  // namespace headrace::net
