// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

namespace headrace::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A client that does what it is told, one call at a time, and waits at most twenty seconds for anything.
class Client {
 public:
  explicit Client(const std::string& address) {
    const SocketAddress to = parse_listen_address(address).value();
    fd_.reset(::socket(to.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    is_connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to.bytes), to.size) == 0;
  }
  bool is_connected() const { return is_connected_; }
  bool send(std::string_view text) {
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Everything until the server closes; "(timeout)" is added where it does not.
  std::string read_all() {
    std::string out;
    std::array<char, 4096> buffer;
    for (;;) {
      pollfd one{fd_.get(), POLLIN, 0};
      if (::poll(&one, 1, 20'000) <= 0) return out + "(timeout)";
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) return out;
      out.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  void set_receive_buffer(int bytes) { ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); }

 private:
  UniqueFd fd_;
  bool is_connected_ = false;
};

std::string get(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

/// Lets handlers in and holds them until it is opened.
class Gate {
 public:
  explicit Gate(Scheduler& scheduler) : opened_(scheduler.new_event()) {}
  void pass() {
    MutexLock lock(mutex_);
    most_ = std::max(most_, ++inside_);
    EXPECT_TRUE(opened_->wait({}, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return is_open_; }));
    --inside_;
  }
  void open() {
    MutexLock lock(mutex_);
    is_open_ = true;
    opened_->notify_all();
  }
  int inside() {
    MutexLock lock(mutex_);
    return inside_;
  }
  int most() {
    MutexLock lock(mutex_);
    return most_;
  }

 private:
  Mutex mutex_;
  bool is_open_ GUARDED_BY(mutex_) = false;
  int inside_ GUARDED_BY(mutex_) = 0, most_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Event> opened_;
};

class HttpServerTest : public testing::Test {
 protected:
  void start(const HttpServerOptions& options = {}) {
    HttpRoutes routes;
    routes["/metrics"] = [](const HttpRequest&) { return HttpResponse{200, "text/plain; version=0.0.4", "up 1\n"}; };
    routes["/echo"] = [](const HttpRequest& request) {
      return HttpResponse{200, "text/plain", request.query + "|" + request.accept};
    };
    routes["/sick"] = [](const HttpRequest&) { return HttpResponse{503, "text/plain", "not ready\n"}; };
    routes["/large"] = [](const HttpRequest&) { return HttpResponse{200, "text/plain", std::string(32 << 20, 'x')}; };
    routes["/gate"] = [this](const HttpRequest&) {
      gate_.pass();
      return HttpResponse{200, "text/plain", "passed"};
    };
    Result<std::unique_ptr<HttpServer>> started =
        HttpServer::start(scheduler_, log_, "127.0.0.1:0", std::move(routes), options);
    ASSERT_TRUE(started) << started.error().text();
    server_ = *std::move(started);
  }
  std::string ask(std::string_view text) {
    Client client(server_->address());
    if (!client.is_connected() || !client.send(text)) return "(not sent)";
    return client.read_all();
  }
  void until_inside(int count) {
    while (gate_.inside() != count) std::this_thread::yield();
  }

  SystemScheduler scheduler_;
  Log log_{STDERR_FILENO, LogLevel::kOff};
  Gate gate_{scheduler_};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ARouteIsAnsweredWithItsStatusTypeAndBody) {
  start();
  EXPECT_EQ(ask(get("/metrics")),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 5\r\nConnection: "
            "close\r\nCache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\n\r\nup 1\n");
  EXPECT_TRUE(ask(get("/sick")).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(ask("GET /echo?a=b HTTP/1.1\r\nAccept: x/y\r\n\r\n").ends_with("\r\n\r\na=b|x/y"));
}

TEST_F(HttpServerTest, HeadIsTheAnswerWithoutItsBody) {
  start();
  const std::string answer = ask("HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 5\r\n"), answer.npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, WhatItDoesNotServeIsRefusedAndTheServerGoesOn) {
  start();
  EXPECT_TRUE(ask(get("/")).starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_TRUE(ask(get("/metrics/")).starts_with("HTTP/1.1 404 "));
  const std::string refused = ask("POST /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_NE(refused.find("\r\nAllow: GET, HEAD\r\n"), refused.npos);
  EXPECT_TRUE(ask("PUT /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n123456789").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("GET /metrics HTTP/1.1\r\nX: " + std::string(9000, 'a')).starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(ask("\x16\x03\x01 this is TLS").starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask(get("/metrics")).starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AnAnswerIsNotLostToABodyNobodyReads) {
  start();
  // The body is still in the socket when the server closes: without care its reset would overtake the answer.
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(
        ask("POST / HTTP/1.1\r\nContent-Length: 30000\r\n\r\n" + std::string(30000, 'x')).starts_with("HTTP/1.1 413 "))
        << i;
  }
}

TEST_F(HttpServerTest, ARequestMayComeByteByByte) {
  start();
  Client client(server_->address());
  for (const char c : get("/metrics")) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_TRUE(client.read_all().ends_with("up 1\n"));
}

TEST_F(HttpServerTest, AClientThatDripsIsCutAtTheDeadline) {
  start({.loopback_only = true, .connections_max = 2, .head_bytes_max = 8192, .request_time_max = milliseconds(300)});
  const Moment begin = scheduler_.clock().now();
  Client client(server_->address());
  std::jthread dripping = scheduler_.new_thread("drip", [&](const std::stop_token& stop) {
    if (!client.send("GET /metrics HTTP/1.1\r\nX: ")) return;
    while (pause(scheduler_, {Moment::max(), stop}, milliseconds(20)) && client.send("a")) {
    }
  });
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  const Duration took = scheduler_.clock().now() - begin;
  EXPECT_GE(took, milliseconds(300));
  EXPECT_LT(took, seconds(10));
}

TEST_F(HttpServerTest, AClientThatDoesNotReadIsCutAtTheDeadline) {
  start({.loopback_only = true, .connections_max = 1, .head_bytes_max = 8192, .request_time_max = milliseconds(300)});
  Client stuck(server_->address());
  stuck.set_receive_buffer(4096);
  ASSERT_TRUE(stuck.send(get("/large")));
  EXPECT_TRUE(ask(get("/metrics")).ends_with("up 1\n")) << "the only place became free";
  EXPECT_LT(stuck.read_all().size(), std::size_t{32} << 20);
}

TEST_F(HttpServerTest, ALargeAnswerComesWhole) {
  start();
  const std::string answer = ask(get("/large"));
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, std::size_t{32} << 20);
}

TEST_F(HttpServerTest, NoMoreAreServedAtOnceThanAllowedAndTheRestWait) {
  start({.loopback_only = true, .connections_max = 2, .head_bytes_max = 8192, .request_time_max = seconds(20)});
  std::vector<std::jthread> clients;
  std::atomic<int> passed = 0;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(scheduler_.new_thread("client", [&](const std::stop_token&) {
      if (ask(get("/gate")).ends_with("passed")) ++passed;
    }));
  }
  until_inside(2);
  gate_.open();
  clients.clear();
  EXPECT_EQ(passed, 5);
  EXPECT_EQ(gate_.most(), 2);
}

TEST_F(HttpServerTest, ManyClientsAreAllAnswered) {
  start();
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> clients;
    for (int t = 0; t < 12; ++t) {
      clients.push_back(scheduler_.new_thread("client", [&](const std::stop_token&) {
        for (int i = 0; i < 25; ++i) {
          if (ask(get("/metrics")).ends_with("up 1\n")) ++answered;
        }
      }));
    }
  }
  EXPECT_EQ(answered, 300);
}

TEST_F(HttpServerTest, ClosingEndsClientsThatHang) {
  start();
  Client silent(server_->address()), half(server_->address()), deaf(server_->address());
  deaf.set_receive_buffer(4096);
  ASSERT_TRUE(half.send("GET /metrics HT"));
  ASSERT_TRUE(deaf.send(get("/large")));
  ASSERT_TRUE(ask(get("/metrics")).ends_with("up 1\n"));  // the three were accepted before
  const Moment begin = scheduler_.clock().now();
  server_->close();
  EXPECT_LT(scheduler_.clock().now() - begin, seconds(5)) << "half of a request's time";
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(half.read_all(), "");
  EXPECT_FALSE(Client(server_->address()).is_connected());
  server_->close();
}

TEST_F(HttpServerTest, ClosingWaitsForAHandlerThatRuns) {
  start();
  Client client(server_->address());
  ASSERT_TRUE(client.send(get("/gate")));
  until_inside(1);
  std::atomic<bool> is_closed = false;
  std::jthread closer = scheduler_.new_thread("closer", [&](const std::stop_token&) {
    server_->close();
    is_closed = true;
  });
  while (Client(server_->address()).is_connected()) std::this_thread::yield();  // it has begun to close
  EXPECT_FALSE(is_closed);
  gate_.open();
  closer.join();
  EXPECT_EQ(gate_.inside(), 0);
}

TEST_F(HttpServerTest, StartingSaysWhatIsWrongWithTheAddress) {
  start();
  const auto start_at = [&](std::string_view address, bool loopback_only) {
    const Result<std::unique_ptr<HttpServer>> started = HttpServer::start(
        scheduler_, log_, address, {},
        {.loopback_only = loopback_only, .connections_max = 1, .head_bytes_max = 1024, .request_time_max = seconds(1)});
    return started ? "started at " + (*started)->address() : started.error().text();
  };
  EXPECT_EQ(start_at(server_->address(), false),
            server_->address() + ": the address is already in use by another process");
  EXPECT_EQ(start_at("nonsense", false),
            "an address to listen on is IP:PORT, such as 127.0.0.1:9567 or [::1]:9567, got \"nonsense\"");
  EXPECT_EQ(start_at("0.0.0.0:0", true),
            "0.0.0.0:0: only an address of this machine (127.0.0.1, [::1]) is allowed here");
  EXPECT_TRUE(start_at("0.0.0.0:0", false).starts_with("started at 0.0.0.0:"));
}

}  // namespace
}  // namespace headrace::net
