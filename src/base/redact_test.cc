// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/log.h"
#include "base/rng.h"

namespace headrace {
namespace {

TEST(Redacted, SecretsBecomeStarsAndTheRestStays) {
  struct Row {
    const char* text;
    const char* shown;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"nothing to hide: 3 of 4", "nothing to hide: 3 of 4"},
           {"redis://:pw@host:6379/1", "redis://:***@host:6379/1"},
           {"redis://u:p@s/s@host/1 and redis://v:w@h", "redis://u:***@host/1 and redis://v:***@h"},
           {"cannot open \"minio://AK:se/cr/et@h:9000/b\"", "cannot open \"minio://AK:***@h:9000/b\""},
           {"redis://u:p'w\"x@h next", "redis://u:***@h next"},
           {R"({"url":"redis://u:pw@h","mail":"a@b"})", R"({"url":"redis://u:***@h","mail":"a@b"})"},
           {"http://minio:9000/bucket/a@b:c", "http://minio:9000/bucket/a@b:c"},
           {"s3://bucket/key@v2", "s3://bucket/key@v2"},
           {"sqlite3:///a:b@c.db", "sqlite3:///a:b@c.db"},
           {"redis://user@host", "redis://user@host"},
           {"password=abc next", "password=*** next"},
           {"PASSWORD = abc", "PASSWORD = ***"},
           {R"({"secretKey": "a\"b", "x": "y"})", R"({"secretKey": "***", "x": "y"})"},
           {"AWS_SECRET_ACCESS_KEY=abc/def+g AWS_REGION=eu", "AWS_SECRET_ACCESS_KEY=*** AWS_REGION=eu"},
           {"X-Amz-Security-Token: FwoG", "X-Amz-Security-Token: ***"},
           {"Authorization: AWS4-HMAC-SHA256 Credential=AK, Signature=ab\nHost: h", "Authorization: ***\nHost: h"},
           {"GET /k?X-Amz-Signature=abc&X-Amz-Date=2026", "GET /k?X-Amz-Signature=***&X-Amz-Date=2026"},
           {"token='a b c' x", "token='***' x"},
           {"tokenizer=bpe tokens=7", "tokenizer=bpe tokens=7"},
           {"password=", "password="},
           {"the secret is out", "the secret is out"},
           {"", ""}}) {
    EXPECT_EQ(redacted(row.text), row.shown);
  }
}

TEST(Redacted, DoingItAgainChangesNothing) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  constexpr std::string_view kPieces[] = {"redis://", "s3", "://", ":",  "@",   "/", "?",  "password", "token", "=",
                                          " ",        "\"", "'",   "\\", "***", "&", "\n", "a",        "9"};
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (std::uint64_t n = rng.below(14); n > 0; --n) text += kPieces[rng.below(std::size(kPieces))];
    const std::string once = redacted(text);
    ASSERT_EQ(redacted(once), once) << text;
  }
}

TEST(Redacted, AKeyNamesASecretInAnyCase) {
  for (const char* key : {"password", "META_PASSWORD", "secret-key", "secretAccessKey", "session_token", "token",
                          "X-Amz-Credential", "api-key", "apiKey", "Proxy-Authorization", "ssh_private_key"}) {
    EXPECT_TRUE(names_a_secret(key)) << key;
  }
  for (const char* key : {"", "path", "bucket", "tokenizer", "key", "access_key_id", "user", "pass"})
    EXPECT_FALSE(names_a_secret(key)) << key;
}

}  // namespace
}  // namespace headrace
