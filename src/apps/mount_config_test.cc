// SPDX-License-Identifier: Apache-2.0
#include "apps/mount_config.h"

#include <gtest/gtest.h>

namespace headrace::apps {
namespace {

meta::VolumeFormat a_format() {
  return meta::parse_format(
             R"({"Name":"vol","UUID":"0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5b","Storage":"file","Bucket":"/b/",
    "BlockSize":4096,"SecretKey":"canary-1","SessionToken":"canary-2","EncryptKey":"canary-3","TrashDays":1})")
      .value();
}

MountSettings some_settings() {
  MountSettings settings;
  settings.meta_url = "redis://user:canary-4@host:6379/1";
  settings.mount_point = "/mnt";
  settings.cache_bytes = 1u << 30;
  settings.buffer_bytes = 300u << 20;
  settings.is_read_only = true;
  return settings;
}

std::string document() {
  const meta::VolumeFormat format = a_format();
  const MountSettings settings = some_settings();
  fuse::LaneReport lanes;
  lanes.protocol = "7.45";
  lanes.passthrough = {false, "switched off by --lanes"};
  return config_document({settings, format, 3, 4242, 4241, 2, 1700000000, lanes, "tmpfs", "127.0.0.1:9567", "1.2.3"});
}

TEST(MountConfig, WhatAMountSaysOfItselfIsReadBack) {
  const auto seen = parse_config_document(document());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->supervisor, 4241);
  EXPECT_EQ(seen->restarts, 2u);
  ASSERT_TRUE(seen) << seen.error().text();
  EXPECT_EQ(seen->volume, "vol");
  EXPECT_EQ(seen->uuid, "0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5b");
  EXPECT_EQ(seen->pid, 4242);
  EXPECT_TRUE(seen->is_read_only);
  EXPECT_EQ(seen->cache_bytes, 1u << 30);
  EXPECT_EQ(seen->mounted_seconds, 1700000000);
  EXPECT_FALSE(seen->passthrough.is_on);
  EXPECT_EQ(seen->passthrough.why, "switched off by --lanes");
  EXPECT_EQ(seen->protocol, "7.45");
  EXPECT_EQ(seen->tier_place, "tmpfs");
  EXPECT_EQ(seen->metrics_address, "127.0.0.1:9567");
  EXPECT_EQ(seen->version, "1.2.3");
  EXPECT_EQ(seen->metadata, "redis://user:***@host:6379/1");
}

TEST(MountConfig, NoSecretIsInIt) { EXPECT_EQ(document().find("canary"), std::string::npos) << document(); }

TEST(MountConfig, TheRealClientsDocumentIsReadAsFarAsItGoesAndNonsenseIsDamage) {
  const auto seen =
      parse_config_document(R"({"Meta":{"ReadOnly":false},"Format":{"Name":"x","UUID":"u"},"Version":"1.3"})");
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->volume, "x");
  EXPECT_FALSE(seen->pid.has_value());
  EXPECT_EQ(parse_config_document("[1]").code(), Code::kDamaged);
  EXPECT_EQ(parse_config_document("{").code(), Code::kDamaged);
  EXPECT_EQ(parse_config_document(R"({"Format":{"Name":5}})").code(), Code::kDamaged);
}

}  // namespace
}  // namespace headrace::apps
