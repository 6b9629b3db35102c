// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "meta/testing/test_volume.h"
#include "meta/version.h"

namespace headrace::meta {
namespace {

TEST(Versions, NumbersComeFirstAndAPreReleaseIsLess) {
  const auto less = [](const char* a, const char* b) { return *parse_version(a) < *parse_version(b); };
  EXPECT_TRUE(less("1.3.9", "1.4.0"));
  EXPECT_TRUE(less("1.4.0-rc1", "1.4.0"));
  EXPECT_TRUE(less("1.1.0-A", "1.1.0-beta1")) << "that is why gates end with A";
  EXPECT_TRUE(less("1.9.0", "1.10.0"));
  EXPECT_TRUE(less("1.4", "1.4.1"));
  EXPECT_EQ(*parse_version("1.4.0+today"), *parse_version("1.4"));
}

TEST(Versions, WhatIsNoVersionIsNone) {
  for (const char* text : {"", "a", "1.", "1..2", "1.2.3.4", "-1", "1.2x", "99999999999"})
    EXPECT_FALSE(parse_version(text)) << text;
}

TEST(Versions, OurOwnIsOne) { EXPECT_TRUE(parse_version(kClientVersion)); }

TEST(Admissions, GatesLetInWhoIsBetweenThem) {
  VolumeFormat format = testing::plain_format();
  format.min_client_version = "1.4.0-A";
  format.max_client_version = "1.4.0";
  EXPECT_EQ(admission(format).access, Access::kReadWrite);
  format.min_client_version = "1.4.1-A";
  EXPECT_EQ(admission(format).access, Access::kRefused);
  EXPECT_NE(admission(format).reason.find("1.4.1-A"), std::string::npos);
  format.min_client_version = "";
  format.max_client_version = "1.3.9";
  EXPECT_EQ(admission(format).access, Access::kRefused);
  format.max_client_version = "soon";
  EXPECT_EQ(admission(format).access, Access::kRefused);
}

TEST(Admissions, EveryRefusalGivesAReason) {
  VolumeFormat format = testing::plain_format();
  EXPECT_TRUE(admission(format).reason.empty());
  const auto with = [&](auto change) {
    VolumeFormat changed = format;
    change(changed);
    return admission(changed);
  };
  for (const Admission& refused :
       {with([](VolumeFormat& f) { f.compression = "zstd"; }), with([](VolumeFormat& f) { f.is_encrypted = true; }),
        with([](VolumeFormat& f) { f.meta_version = 2; })}) {
    EXPECT_EQ(refused.access, Access::kRefused);
    EXPECT_FALSE(refused.reason.empty());
  }
  for (const Admission& read_only :
       {with([](VolumeFormat& f) { f.enable_acl = true; }), with([](VolumeFormat& f) { f.user_group_quota = true; }),
        with([](VolumeFormat& f) { f.change_log = true; })}) {
    EXPECT_EQ(read_only.access, Access::kReadOnly);
    EXPECT_FALSE(read_only.reason.empty());
  }
}

TEST(VolumeNames, AreThreeToSixtyThreeSmallLetters) {
  for (const std::string& good : {std::string("abc"), std::string("a-1"), std::string(63, 'x')})
    EXPECT_TRUE(check_volume_name(good)) << good;
  for (const std::string& bad : {std::string("ab"), std::string(64, 'x'), std::string("Abc"), std::string("-ab"),
                                 std::string("ab-"), std::string("a_b"), std::string("a/b"), std::string("äbc")}) {
    const auto checked = check_volume_name(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.code(), Code::kInvalid);
    EXPECT_NE(checked.error().message.find(bad), std::string::npos);
  }
}

}  // namespace
}  // namespace headrace::meta
