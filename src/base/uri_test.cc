// SPDX-License-Identifier: Apache-2.0
#include "base/uri.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>

#include "base/rng.h"

namespace headrace {
namespace {

constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB, kTiB = 1024 * kGiB;

TEST(Size, IsReadAsPeopleWriteIt) {
  struct Row {
    const char* text;
    std::uint64_t bytes;
  };
  for (const Row& row : std::initializer_list<Row>{{"0", 0},
                                                   {"4096", 4096},
                                                   {"4096B", 4096},
                                                   {"4K", 4 * kKiB},
                                                   {"4k", 4 * kKiB},
                                                   {"4KiB", 4 * kKiB},
                                                   {"4kib", 4 * kKiB},
                                                   {"4Ki", 4 * kKiB},
                                                   {"4KB", 4000},
                                                   {"4M", 4 * kMiB},
                                                   {"4MiB", 4 * kMiB},
                                                   {"100MB", 100'000'000},
                                                   {"1.5G", 3 * kGiB / 2},
                                                   {"1.5GB", 1'500'000'000},
                                                   {"2 GiB", 2 * kGiB},
                                                   {"0.5K", 512},
                                                   {".5K", 512},
                                                   {"1.K", 1024},
                                                   {"1T", kTiB},
                                                   {"1P", 1024 * kTiB},
                                                   {"15E", 15 * 1024 * 1024 * kTiB},
                                                   {"18446744073709551615", UINT64_MAX},
                                                   {"0.3333333333333K", 341}}) {
    const Result<std::uint64_t> bytes = parse_size(row.text);
    ASSERT_TRUE(bytes) << row.text << ": " << bytes.error().text();
    EXPECT_EQ(*bytes, row.bytes) << row.text;
  }
}

TEST(Size, OnlyABareNumberIsInTheBareUnit) {
  EXPECT_EQ(parse_size("100", kMiB).value(), 100 * kMiB);
  EXPECT_EQ(parse_size("1.5", kMiB).value(), 3 * kMiB / 2);
  EXPECT_EQ(parse_size("100K", kMiB).value(), 100 * kKiB);
  EXPECT_EQ(parse_size("100B", kMiB).value(), 100u);
}

TEST(Size, WhatIsNotASizeIsRefusedWithASentenceThatSaysSo) {
  for (const char* text : {"",
                           " ",
                           "K",
                           ".",
                           "-1",
                           "+1",
                           "1e3",
                           "0x10",
                           "4X",
                           "4KKiB",
                           "4Kb1",
                           "4  K",
                           "4 ",
                           " 4",
                           "1,5G",
                           "1.2.3",
                           "16E",
                           "18446744073709551616",
                           "99999999999999999999E",
                           "4MiBs",
                           "NaN"}) {
    const Result<std::uint64_t> bytes = parse_size(text);
    ASSERT_FALSE(bytes) << text << " became " << *bytes;
    EXPECT_EQ(bytes.code(), Code::kInvalid);
    EXPECT_NE(bytes.error().message.find("got \"" + std::string(text) + "\""), std::string::npos)
        << bytes.error().message;
  }
}

TEST(Size, IsWrittenToOneDecimal) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1 KiB");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_size(100 * kGiB), "100 GiB");
  EXPECT_EQ(format_size(kMiB - 1), "1 MiB") << "never 1024 KiB";
  EXPECT_EQ(format_size(UINT64_MAX), "16 EiB");
}

TEST(Size, WhatIsWrittenReadsBackWithinARoundedTenth) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bytes = (rng.next() >> rng.below(64)) % (15ull << 60);
    const std::string text = format_size(bytes);
    const Result<std::uint64_t> back = parse_size(text);
    ASSERT_TRUE(back) << text;
    const double unit = std::pow(1024.0, std::floor(std::log2(std::max<double>(static_cast<double>(*back), 1)) / 10));
    ASSERT_LE(std::abs(static_cast<double>(*back) - static_cast<double>(bytes)), unit * 0.05 + 1)
        << bytes << " " << text;
    ASSERT_EQ(format_size(*back), text) << bytes;
  }
}

TEST(DurationText, IsReadAsPeopleWriteIt) {
  struct Row {
    const char* text;
    Duration length;
  };
  using namespace std::chrono_literals;
  for (const Row& row : std::initializer_list<Row>{{"0", 0s},
                                                   {"10", 10s},
                                                   {"1.0", 1s},
                                                   {"0.5", 500ms},
                                                   {"10s", 10s},
                                                   {"5m", 5min},
                                                   {"1h30m", 90min},
                                                   {"2d", 48h},
                                                   {"250ms", 250ms},
                                                   {"1.5s", 1500ms},
                                                   {"12us", 12us},
                                                   {"12\u00B5s", 12us},
                                                   {"7ns", 7ns},
                                                   {"1d2h3m4s5ms", 26h + 3min + 4s + 5ms},
                                                   {"90m", 90min},
                                                   {"1.5h", 90min}}) {
    const Result<Duration> length = parse_duration(row.text);
    ASSERT_TRUE(length) << row.text << ": " << length.error().text();
    EXPECT_EQ(*length, row.length) << row.text;
  }
}

TEST(DurationText, WhatIsNotADurationIsRefusedWithASentenceThatSaysSo) {
  for (const char* text : {"", "s", "-1s", "+1s", "1 s", " 1s", "1s ", "1m30", "0m30", "1x", "1ss", "1M",
                           "300000000000", "106752d", "1h99999999999h", "."}) {
    const Result<Duration> length = parse_duration(text);
    ASSERT_FALSE(length) << text << " became " << length->count();
    EXPECT_EQ(length.code(), Code::kInvalid);
    EXPECT_NE(length.error().message.find("got \"" + std::string(text) + "\""), std::string::npos)
        << length.error().message;
  }
}

TEST(DurationText, IsWrittenAsPeopleReadIt) {
  using namespace std::chrono_literals;
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(48h + 5s), "2d5s");
  EXPECT_EQ(format_duration(250ms), "250ms");
  EXPECT_EQ(format_duration(1500ms), "1.5s");
  EXPECT_EQ(format_duration(12'345us), "12.345ms");
  EXPECT_EQ(format_duration(7ns), "7ns");
  EXPECT_EQ(format_duration(-90s), "-1m30s");
  EXPECT_EQ(format_duration(Duration::min()), "-106751d23h47m16s");
}

TEST(DurationText, WhatIsWrittenReadsBack) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  for (int i = 0; i < 20000; ++i) {
    const Duration length(static_cast<std::int64_t>(rng.next() >> (1 + rng.below(63))));
    const std::string text = format_duration(length);
    const Result<Duration> back = parse_duration(text);
    ASSERT_TRUE(back) << text;
    const Duration lost = length - *back;
    ASSERT_GE(lost, Duration::zero()) << text;
    ASSERT_LT(lost, length < std::chrono::minutes(1) ? std::max(length / 1000, Duration(1))
                                                     : Duration(std::chrono::seconds(1)))
        << text;
    ASSERT_EQ(format_duration(*back), text);
  }
}

struct UrlRow {
  const char* text;
  const char* scheme;
  const char* user;
  const char* password;
  const char* rest;
  std::map<std::string, std::string> query;
};

TEST(Url, EveryFormThatPeopleUseFallsIntoItsParts) {
  for (const UrlRow& row : std::initializer_list<UrlRow>{
           {"sqlite3:///abs/path.db?x=y", "sqlite3", "", "", "/abs/path.db", {{"x", "y"}}},
           {"sqlite3://rel.db", "sqlite3", "", "", "rel.db", {}},
           {"sqlite3:///data/a@b:c@d.db?_journal=WAL&cache=shared",
            "sqlite3",
            "",
            "",
            "/data/a@b:c@d.db",
            {{"_journal", "WAL"}, {"cache", "shared"}}},
           {"file:///bucket@home/", "file", "", "", "/bucket@home/", {}},
           {"redis://host", "redis", "", "", "host", {}},
           {"redis://host:6379/1", "redis", "", "", "host:6379/1", {}},
           {"redis://:pw@host:6379/1", "redis", "", "pw", "host:6379/1", {}},
           {"redis://user:p@ss@host", "redis", "user", "p@ss", "host", {}},
           {"redis://u:p/w@host:6379/1?a=b@c", "redis", "u", "p/w", "host:6379/1", {{"a", "b@c"}}},
           {"redis://u:a@b/c@host/1", "redis", "u", "a@b/c", "host/1", {}},
           {"redis://u:p%40s%3a@h", "redis", "u", "p@s:", "h", {}},
           {"redis://[::1]:6379/0", "redis", "", "", "[::1]:6379/0", {}},
           {"redis://[::1]", "redis", "", "", "[::1]", {}},
           {"REDISS://Host", "rediss", "", "", "Host", {}},
           {"s3://bucket", "s3", "", "", "bucket", {}},
           {"s3://bucket/pre/fix@v2", "s3", "", "", "bucket/pre/fix@v2", {}},
           {"minio://AKIA:sec/ret@host:9000/bucket", "minio", "AKIA", "sec/ret", "host:9000/bucket", {}},
           {"http://host:9000/bucket/a@b", "http", "", "", "host:9000/bucket/a@b", {}},
           {"https://user@host/", "https", "user", "", "host/", {}},
           {"s3://b?region=eu-central-1&empty=&flag&sp=a%20b",
            "s3",
            "",
            "",
            "b",
            {{"region", "eu-central-1"}, {"empty", ""}, {"flag", ""}, {"sp", "a b"}}},
           {"s3://b?a=1&&a=2&", "s3", "", "", "b", {{"a", "2"}}},
       }) {
    const Result<Url> url = parse_url(row.text);
    ASSERT_TRUE(url) << row.text << ": " << url.error().text();
    EXPECT_EQ(url->scheme, row.scheme) << row.text;
    EXPECT_EQ(url->user, row.user) << row.text;
    EXPECT_EQ(url->password, row.password) << row.text;
    EXPECT_EQ(url->rest, row.rest) << row.text;
    EXPECT_EQ(url->query, row.query) << row.text;
  }
}

TEST(Url, WhatIsNotOneIsRefusedWithASentence) {
  for (const char* text : {"", "host:6379", "/path/to/db", "://x", "1s3://b", "s 3://b", "s3://", "redis://:pw@",
                           "sqlite3://?x=y", "s3://b?=v", "s3://b?a=%zz", "redis://u:%4@h", "redis://u:100%@h",
                           "s3://b\nucket", "redis://u:p w@h", "s3://b\x7F"}) {
    const Result<Url> url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.code(), Code::kInvalid);
    EXPECT_GT(url.error().message.size(), 20u) << "a sentence is expected";
  }
}

TEST(Url, ARefusalDoesNotGiveThePasswordAway) {
  for (const char* text : {"://u:hunter2@h", "redis://u:hunter2%@h", "redis://u:hunter2@h?a=%", "redis://u:hunter2@",
                           "1x://u:hunter2@h", "redis://u:hunter2@h\n"}) {
    const Result<Url> url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().message.find("hunter2"), std::string::npos) << url.error().message;
  }
}

TEST(Url, IsShownWithoutItsSecrets) {
  EXPECT_EQ(parse_url("redis://u:hunter2@host/1?secret_key=abc&x=y").value().redacted(),
            "redis://u:***@host/1?secret_key=***&x=y");
  EXPECT_EQ(parse_url("redis://:hunter2@host").value().redacted(), "redis://:***@host");
  EXPECT_EQ(parse_url("sqlite3:///a/b.db").value().redacted(), "sqlite3:///a/b.db");
}

TEST(Url, AnyPasswordComesBackWhole) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  for (int i = 0; i < 5000; ++i) {
    std::string password, encoded;
    for (std::uint64_t length = 1 + rng.below(12); length > 0; --length) {
      const char c = static_cast<char>(33 + rng.below(94));
      password += c;
      encoded += c == '%' || c == '?' ? (c == '%' ? "%25" : "%3F") : std::string(1, c);
    }
    const Result<Url> url = parse_url("redis://u:" + encoded + "@host:6379/1?a=b");
    ASSERT_TRUE(url) << encoded;
    ASSERT_EQ(url->password, password);
    ASSERT_EQ(url->rest, "host:6379/1");
    ASSERT_EQ(url->redacted(), "redis://u:***@host:6379/1?a=b");
  }
}

}  // namespace
}  // namespace headrace
