// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "net/http_head.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace headrace::net {
namespace {

unsigned status_of(std::string_view text, std::size_t step = 1 << 20) {
  HttpHeadReader reader(1024);
  unsigned status = 0;
  for (; status == 0 && !text.empty(); text.remove_prefix(std::min(step, text.size())))
    status = reader.feed(text.substr(0, step));
  return status;
}

TEST(HttpHead, ARequestFallsIntoItsParts) {
  HttpHeadReader reader(1024);
  ASSERT_EQ(reader.feed("GET /readyz?verbose&exclude=x HTTP/1.1\r\nHost: h\r\naccept: text/plain;q=0.5\r\n\r\n"), 200u);
  EXPECT_EQ(reader.request().path, "/readyz");
  EXPECT_EQ(reader.request().query, "verbose&exclude=x");
  EXPECT_EQ(reader.request().accept, "text/plain;q=0.5");
  EXPECT_FALSE(reader.request().is_head);
}

struct Row {
  std::string text;
  unsigned status;
};

std::vector<Row> rows() {
  return {
      {"GET / HTTP/1.1\r\n\r\n", 200},
      {"GET / HTTP/1.0\r\n\r\n", 200},
      {"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", 200},
      {"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 200},
      {"GET / HTTP/1.1\r\nHost: h\r\n", 0},
      {"GET", 0},
      {"POST / HTTP/1.1\r\nHost: h\r\n\r\n", 405},
      {"DELETE / HTTP/1.1\r\n\r\n", 405},
      {"BREW / HTTP/1.1\r\n\r\n", 405},
      {"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 413},
      {"GET / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", 413},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413},
      {"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"GET http://other/ HTTP/1.1\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\n\r\n", 405},
      {"GET * HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
      {"\r\n\r\n", 400},
      {"hello\r\n\r\n", 400},
      {std::string("GET /\0 HTTP/1.1\r\n\r\n", 19), 400},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 400},
      {"GET /" + std::string(2000, 'a') + " HTTP/1.1\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nX: " + std::string(2000, 'a'), 431},
      {"GET / HTTP/1.1\r\n" + std::string(2000, 'a'), 431},
  };
}

TEST(HttpHead, WhatCannotBeAnsweredIsRefusedWithItsStatus) {
  for (const Row& row : rows()) EXPECT_EQ(status_of(row.text), row.status) << row.text;
}

TEST(HttpHead, ItDoesNotMatterInWhichPiecesItComes) {
  for (const Row& row : rows()) {
    for (const std::size_t step : {1u, 2u, 3u, 7u, 100u})
      EXPECT_EQ(status_of(row.text, step), row.status) << step << " bytes at a time: " << row.text;
  }
}

TEST(HttpHead, LinesThatEndInLineFeedsAloneAreNoRequest) { EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: h\n\n"), 400u); }

TEST(HttpHead, AnyBytesEndInAStatusAndNeverInMoreThanTheLimit) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  constexpr std::string_view kPieces[] = {"GET ",
                                          "/",
                                          " HTTP/1.1",
                                          "\r\n",
                                          "\r",
                                          "\n",
                                          "Host",
                                          ":",
                                          " ",
                                          "Content-Length",
                                          "7",
                                          "\x80",
                                          "Transfer-Encoding: chunked",
                                          "\r\n\r\n"};
  for (int i = 0; i < 3000; ++i) {
    HttpHeadReader reader(512);
    std::size_t fed = 0;
    unsigned status = 0;
    while (status == 0 && fed < 2048) {
      const std::string_view piece = kPieces[rng.below(std::size(kPieces))];
      status = reader.feed(piece);
      fed += piece.size();
    }
    ASSERT_NE(status, 0u) << "still hungry after " << fed << " bytes";
  }
}

}  // namespace
}  // namespace headrace::net
