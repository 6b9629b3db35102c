// SPDX-License-Identifier: Apache-2.0
#include <initializer_list>

#include "net/socket_address.h"

#include <gtest/gtest.h>

namespace headrace::net {
namespace {

TEST(SocketAddress, IsReadAndWrittenAsPeopleDo) {
  struct Row {
    const char* text;
    const char* shown;
    bool is_loopback;
  };
  for (const Row& row : std::initializer_list<Row>{{"127.0.0.1:9567", "127.0.0.1:9567", true},
                                                   {"127.3.4.5:0", "127.3.4.5:0", true},
                                                   {"localhost:80", "127.0.0.1:80", true},
                                                   {"0.0.0.0:65535", "0.0.0.0:65535", false},
                                                   {"10.1.2.3:1", "10.1.2.3:1", false},
                                                   {"[::1]:9567", "[::1]:9567", true},
                                                   {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true},
                                                   {"[2001:db8::1]:1", "[2001:db8::1]:1", false},
                                                   {":9567", "[::]:9567", false}}) {
    const Result<SocketAddress> address = parse_listen_address(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(address->text(), row.shown);
    EXPECT_EQ(address->is_loopback(), row.is_loopback) << row.text;
  }
}

TEST(SocketAddress, WhatIsNoneIsRefusedWithASentence) {
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x",
                           "127.0.0.1: 80", "::1:80", "[::1]", "[::1:80", "example.com:80", "1.2.3:80", "256.1.1.1:80",
                           "[::g]:80", "http://127.0.0.1:80"}) {
    const Result<SocketAddress> address = parse_listen_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.code(), Code::kInvalid);
    EXPECT_NE(address.error().message.find(std::string("got \"") + text + "\""), std::string::npos);
  }
}

TEST(SocketAddress, AnAddressInUseSaysSo) {
  const Result<UniqueFd> first = listen_on(parse_listen_address("127.0.0.1:0").value());
  ASSERT_TRUE(first) << first.error().text();
  const SocketAddress taken = local_address_of(first->get()).value();
  EXPECT_FALSE(taken.text().ends_with(":0"));
  const Result<UniqueFd> second = listen_on(taken);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.code(), Code::kBusy);
  EXPECT_EQ(second.error().message, taken.text() + ": the address is already in use by another process");
}

TEST(SocketAddress, AnAddressOfAnotherMachineSaysSo) {
  const Result<UniqueFd> fd = listen_on(parse_listen_address("192.0.2.1:0").value());  // TEST-NET-1
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error(), Error(Code::kInvalid, "192.0.2.1:0: this machine does not have that address"));
}

}  // namespace
}  // namespace headrace::net
