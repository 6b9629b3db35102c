// SPDX-License-Identifier: Apache-2.0
#include "meta/volume_format.h"

#include <gtest/gtest.h>

#include "meta/testing/test_volume.h"

namespace headrace::meta {
namespace {

// As the real client writes it.
constexpr std::string_view kReal =
    "{\n\"Name\": \"myjfs\",\n\"UUID\": \"0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5b\",\n\"Storage\": \"file\",\n"
    "\"Tiers\": {\n\"0\": {\n\"ID\": 0,\n\"StorageClass\": \"\",\n\"Tag\": \"\"\n}\n},\n\"Bucket\": "
    "\"/var/jfs/\",\n\"BlockSize\": 4096,\n"
    "\"Compression\": \"none\",\n\"EncryptAlgo\": \"aes256gcm-rsa\",\n\"TrashDays\": 1,\n\"MetaVersion\": 1,\n"
    "\"MinClientVersion\": \"1.1.0-A\",\n\"DirStats\": true,\n\"EnableACL\": false\n}";

std::string minimal(const std::string& more = "") {
  return R"({"Name":"abc","UUID":"u","Storage":"file","Bucket":"/b/","BlockSize":64)" + more + "}";
}

TEST(Format, TheRealClientsDocumentIsRead) {
  const auto format = parse_format(kReal);
  ASSERT_TRUE(format);
  EXPECT_EQ(format->name, "myjfs");
  EXPECT_EQ(format->uuid, "0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5b");
  EXPECT_EQ(format->storage, "file");
  EXPECT_EQ(format->bucket, "/var/jfs/");
  EXPECT_EQ(format->block_bytes(), 4u << 20);
  EXPECT_EQ(format->trash_days, 1u);
  EXPECT_EQ(format->min_client_version, "1.1.0-A");
  EXPECT_TRUE(format->dir_stats);
  EXPECT_FALSE(format->enable_acl);
  EXPECT_EQ(admission(*format).access, Access::kReadWrite);
}

TEST(Format, AndWrittenBackAsItWas) { EXPECT_EQ(format_document(parse_format(kReal).value()), kReal); }

TEST(Format, ANewVolumesDocumentHasTheRealClientsOrder) {
  VolumeFormat format = testing::plain_format();
  format.name = "myjfs";
  format.bucket = "/var/jfs/";
  format.trash_days = 1;
  format.min_client_version = "1.1.0-A";
  EXPECT_EQ(format_document(format), kReal);
}

TEST(Format, UnknownMembersStay) {
  const auto format = parse_format(minimal(R"(,"Zebra":{"a":[1,2]},"SecretKey":"s3cr3t")"));
  ASSERT_TRUE(format);
  const std::string written = format_document(*format);
  EXPECT_NE(written.find("\"Zebra\": {"), std::string::npos);
  EXPECT_NE(written.find("\"SecretKey\": \"s3cr3t\""), std::string::npos);
  EXPECT_LT(written.find("\"EnableACL\""), written.find("\"Zebra\"")) << "behind what is known";
  EXPECT_EQ(format_document(parse_format(written).value()), written);
}

TEST(Format, NamesAreReadInAnyCase) {
  const auto format =
      parse_format(R"({"name":"abc","uuid":"u","STORAGE":"S3","bucket":"b","blocksize":64,"trashdays":7})");
  ASSERT_TRUE(format);
  EXPECT_EQ(format->storage, "s3");
  EXPECT_EQ(format->trash_days, 7u);
  EXPECT_NE(format_document(*format).find("\"TrashDays\": 7"), std::string::npos);
  EXPECT_EQ(format_document(*format).find("trashdays"), std::string::npos);
}

TEST(Format, WhatAnOldDocumentDoesNotSayIsOff) {
  const auto format = parse_format(minimal());
  ASSERT_TRUE(format);
  EXPECT_EQ(format->trash_days, 0u);
  EXPECT_FALSE(format->dir_stats);
  EXPECT_EQ(format->compression, "none");
  EXPECT_EQ(format->meta_version, 0);
  EXPECT_EQ(admission(*format).access, Access::kReadWrite);
  EXPECT_EQ(format_document(*format).find("Tiers"), std::string::npos) << "nor is it said for it";
}

TEST(Format, NullIsAbsent) {
  const auto format = parse_format(minimal(R"(,"Tiers":null,"Compression":null,"Capacity":null)"));
  ASSERT_TRUE(format);
  EXPECT_EQ(format->compression, "none");
}

TEST(Format, AMemberOfTheWrongKindIsDamage) {
  for (const char* more : {R"(,"TrashDays":"1")", R"(,"TrashDays":-1)", R"(,"TrashDays":1.5)", R"(,"DirStats":1)",
                           R"(,"AccessKey":3)", R"(,"Inodes":99999999999999999999)", R"(,"BlockSize":0)",
                           R"(,"BlockSize":1000000)", R"(,"Shards":4294967296)"}) {
    EXPECT_EQ(parse_format(minimal(more)).code(), Code::kDamaged) << more;
  }
}

TEST(Format, WhatIsNoDescriptionIsDamage) {
  for (const char* text : {"", "[]", "{", "null", "{}", R"({"Name":"abc"})", "\xff"})
    EXPECT_EQ(parse_format(text).code(), Code::kDamaged) << text;
}

TEST(Format, ADocumentThatIsNestedWithoutEndIsDamage) {
  EXPECT_EQ(parse_format(minimal(",\"Zebra\":" + std::string(100'000, '[') + std::string(100'000, ']'))).code(),
            Code::kDamaged);
  EXPECT_TRUE(parse_format(minimal(",\"Zebra\":\"" + std::string(1000, '[') + "\"")));
}

TEST(Format, AnEncryptedVolumeIsSeenAsSuch) {
  const auto format = parse_format(minimal(R"(,"EncryptKey":"-----BEGIN")"));
  ASSERT_TRUE(format->is_encrypted);
  EXPECT_EQ(admission(*format).access, Access::kRefused);
  EXPECT_NE(format_document(*format).find("\"EncryptKey\": \"-----BEGIN\""), std::string::npos);
}

TEST(Format, LimitsAreWrittenOnlyWhereThereAreAny) {
  VolumeFormat format = testing::plain_format();
  EXPECT_EQ(format_document(format).find("Capacity"), std::string::npos);
  format.capacity_bytes = 1ull << 40;
  format.inodes_max = 1000;
  const std::string written = format_document(format);
  EXPECT_NE(written.find("\"Capacity\": 1099511627776"), std::string::npos);
  format = parse_format(written).value();
  EXPECT_EQ(format.inodes_max, 1000u);
  format.capacity_bytes = 0;
  EXPECT_EQ(format_document(format).find("Capacity"), std::string::npos);
}

}  // namespace
}  // namespace headrace::meta
