// SPDX-License-Identifier: Apache-2.0
#include "meta/backup_names.h"

#include <gtest/gtest.h>

#include <set>

namespace headrace::meta {
namespace {

constexpr std::int64_t kNoon = 1'795'348'800;  // 2026-11-22 12:00:00
constexpr std::int64_t kHour = 3600, kDay = 24 * kHour;

TEST(BackupNames, ANameSaysWhenInUtcAndHasThirtyCharacters) {
  EXPECT_EQ(backup_name(kNoon + 61), "dump-2026-11-22-120101.json.gz");
  EXPECT_EQ(backup_name(0).size(), 30u);
  EXPECT_EQ(backup_time(backup_name(kNoon + 61)), kNoon + 61);
  for (const char* other :
       {"", "dump-2026-11-22-120101.json", "dump-2026-13-22-120101.json.gz", "dump-2026-02-30-120101.json.gz",
        "dump-2026-11-22-250101.json.gz", "jump-2026-11-22-120101.json.gz", "dump-2026-11-22-12010x.json.gz",
        "dump-2026-11-22-120101.json.gzz"}) {
    EXPECT_EQ(backup_time(other), std::nullopt) << other;
  }
}

TEST(BackupNames, AMarkIsReadInAnyTimeZone) {
  EXPECT_EQ(backup_mark(kNoon), "2026-11-22T12:00:00Z");
  EXPECT_EQ(parse_backup_mark("2026-11-22T12:00:00Z"), kNoon);
  EXPECT_EQ(parse_backup_mark("2026-11-22T20:00:00+08:00"), kNoon);
  EXPECT_EQ(parse_backup_mark("2026-11-22T06:30:00.123456789-05:30"), kNoon);
  for (const char* other :
       {"", "yesterday", "2026-11-22 12:00:00Z", "2026-11-22T12:00:00", "2026-11-22T12:00:00+8:00"}) {
    EXPECT_EQ(parse_backup_mark(other), std::nullopt) << other;
  }
}

TEST(BackupNames, OfTheLastTwoDaysNoneGoes) {
  std::vector<std::string> names;
  for (int hour = 0; hour < 48; ++hour) names.push_back(backup_name(kNoon - hour * kHour));
  EXPECT_TRUE(backups_to_remove(names, kNoon).empty());
}

TEST(BackupNames, OfOlderOnesTheLastOfEachDayWeekAndMonthStays) {
  std::set<std::string> stay;
  std::vector<std::string> names;
  for (std::int64_t hour = 0; hour < 3 * 365 * 24; ++hour) names.push_back(backup_name(kNoon - hour * kHour));
  stay.insert(names.begin(), names.end());
  for (const std::string& gone : backups_to_remove(names, kNoon)) stay.erase(gone);
  EXPECT_TRUE(stay.contains("dump-2026-11-19-230000.json.gz")) << "the last of its day";
  EXPECT_FALSE(stay.contains("dump-2026-11-19-220000.json.gz"));
  EXPECT_TRUE(stay.contains("dump-2026-06-30-230000.json.gz")) << "the last of its month";
  EXPECT_FALSE(stay.contains("dump-2026-06-29-230000.json.gz"));
  EXPECT_TRUE(backup_time(*stay.begin()) > kNoon - 731 * kDay) << *stay.begin();
  EXPECT_GT(stay.size(), 48u + 11 + 6 + 21);
  EXPECT_LT(stay.size(), 48u + 14 + 9 + 25);
}

TEST(BackupNames, WhatStayedOnceStaysWhenTheRotationRunsEachHour) {
  std::vector<std::string> kept;
  for (std::int64_t now = kNoon - 40 * kDay; now <= kNoon; now += kHour) {
    kept.push_back(backup_name(now));
    for (const std::string& gone : backups_to_remove(kept, now)) std::erase(kept, gone);
  }
  // Two days of hours, twelve days, and the weeks between.
  EXPECT_GE(kept.size(), 48u + 11 + 3);
  EXPECT_LE(kept.size(), 49u + 13 + 6);
}

TEST(BackupNames, TheNewestStaysHoweverOldAndOtherObjectsAreLeftAlone) {
  EXPECT_TRUE(backups_to_remove({"dump-2001-01-01-000000.json.gz"}, kNoon).empty());
  EXPECT_EQ(backups_to_remove(
                {"dump-2001-01-01-000000.json.gz", "dump-2001-01-02-000000.json.gz", "notes.txt", "dump-2001.json.gz"},
                kNoon),
            std::vector<std::string>{"dump-2001-01-01-000000.json.gz"});
}

}  // namespace
}  // namespace headrace::meta
