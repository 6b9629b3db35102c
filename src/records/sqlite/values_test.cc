// SPDX-License-Identifier: Apache-2.0
// Times and letters of SQL columns.
#include "records/sqlite/values.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace headrace::records {
namespace {

TEST(SqlValues, ATimeIsMicrosecondsAndARemainder) {
  EXPECT_EQ(sql_time_of({1700000000, 123456789}), (SqlTime{1700000000123456, 789}));
  EXPECT_EQ(timestamp_of({1700000000123456, 789}), (Timestamp{1700000000, 123456789}));
}

TEST(SqlValues, ATimeBefore1970Is1970BecauseTheOriginalReadsOthersWrong) {
  EXPECT_EQ(sql_time_of({-1, 999999999}), SqlTime{});
  EXPECT_EQ(sql_time_of({INT64_MIN, 0}), SqlTime{});
}

TEST(SqlValues, ATimeBeyondTheColumnIsTheLastThatFits) {
  EXPECT_GT(sql_time_of({INT64_MAX, 999999999}).microseconds, INT64_MAX - 2'000'000);
}

TEST(SqlValues, AnyColumnsMakeATime) {
  EXPECT_EQ(timestamp_of({-1, 5}), (Timestamp{-1, 999999005}));
  EXPECT_EQ(timestamp_of({-1000000, 0}), (Timestamp{-1, 0}));
  EXPECT_EQ(timestamp_of({5, -3}), (Timestamp{0, 5000}));
  EXPECT_EQ(timestamp_of({5, 1000}), (Timestamp{0, 5000}));
  EXPECT_LT(timestamp_of({INT64_MIN, INT64_MIN}).nanoseconds, 1000000000u);
}

RC_GTEST_PROP(SqlValuesProperty, TimesComeBack, ()) {
  const Timestamp time{*rc::gen::inRange<std::int64_t>(0, 9'000'000'000'000),
                       *rc::gen::inRange<std::uint32_t>(0, 1'000'000'000)};
  RC_ASSERT((timestamp_of(sql_time_of(time)) == time));
}

TEST(SqlValues, AFlockIsALetter) {
  EXPECT_EQ(sql_flock_type(true), 87);
  EXPECT_EQ(sql_flock_type(false), 82);
  EXPECT_EQ(is_exclusive_flock('W').value(), true);
  EXPECT_EQ(is_exclusive_flock(0).code(), Code::kDamaged);
}

}  // namespace
}  // namespace headrace::records
