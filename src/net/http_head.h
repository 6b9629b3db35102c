// SPDX-License-Identifier: Apache-2.0
// The head of one HTTP/1.x request, taken in pieces: request line and header fields, and nothing behind them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace headrace::net {

struct HttpRequest {
  std::string path;    // "/metrics", undecoded
  std::string query;   // what follows '?', undecoded
  std::string accept;  // the Accept header
  bool is_head = false;
};

/// Reads one request. Not thread-safe.
class HttpHeadReader {
 public:
  /// A head longer than `bytes_max` is refused.
  explicit HttpHeadReader(std::size_t bytes_max);
  ~HttpHeadReader();

  /// Takes the next bytes. 0: more are needed; 200: request() is complete; otherwise the status to refuse it with: 400
  /// not HTTP/1.x, 405 neither GET nor HEAD, 413 a body would follow, 431 too long.
  unsigned feed(std::string_view bytes);
  const HttpRequest& request() const { return request_; }

 private:
  struct Parser;
  unsigned judge();
  std::unique_ptr<Parser> parser_;
  std::string pending_;  // what the parser has not taken yet
  HttpRequest request_;
};

}  // namespace headrace::net
