// SPDX-License-Identifier: Apache-2.0
// Beast's parser, fed by hand.
#include "net/http_head.h"

#include <cstdint>
#include <exception>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace headrace::net {

namespace http = boost::beast::http;

struct HttpHeadReader::Parser {
  http::request_parser<http::empty_body> beast;
};

HttpHeadReader::HttpHeadReader(std::size_t bytes_max) : parser_(std::make_unique<Parser>()) {
  parser_->beast.header_limit(static_cast<std::uint32_t>(bytes_max));
  parser_->beast.body_limit(boost::none);  // judge() refuses every body
}

HttpHeadReader::~HttpHeadReader() = default;

unsigned HttpHeadReader::feed(std::string_view bytes) {
  pending_ += bytes;
  boost::system::error_code error;
  try {
    const std::size_t taken = parser_->beast.put(boost::asio::buffer(pending_), error);
    pending_.erase(0, taken);
  } catch (const std::exception&) {
    return 400;
  }
  if (error == http::error::header_limit) return 431;
  if (error && error != http::error::need_more) return 400;
  return parser_->beast.is_header_done() ? judge() : 0;
}

unsigned HttpHeadReader::judge() {
  const auto& head = parser_->beast.get();
  if (head.version() != 10 && head.version() != 11) return 400;
  if (parser_->beast.chunked() || parser_->beast.content_length().value_or(0) > 0) return 413;
  if (head.method() != http::verb::get && head.method() != http::verb::head) return 405;
  const std::string_view target(head.target().data(), head.target().size());
  if (!target.starts_with('/')) return 400;
  const std::size_t question = target.find('?');
  request_.path = target.substr(0, question);
  if (question != target.npos) request_.query = target.substr(question + 1);
  const auto accept = head[http::field::accept];
  request_.accept.assign(accept.data(), accept.size());
  request_.is_head = head.method() == http::verb::head;
  return 200;
}

}  // namespace headrace::net
