// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace headrace {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error(Code::kInvalid, "odd");
  return number / 2;
}

Result<int> quarter(int number) {
  TRY(const int once, half(number));
  TRY(const int twice, half(once));
  return twice;
}

Result<void> only_even(int number, int& passed) {
  TRY_OK(half(number));
  ++passed;
  return {};
}

Result<std::unique_ptr<int>> box(int number) {
  TRY(const int value, half(number));
  return std::make_unique<int>(value);
}

Result<int> unbox(int number) {
  TRY(const std::unique_ptr<int> held, box(number));
  return *held;
}

TEST(Result, TryGoesOnWithTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error(), Error(Code::kInvalid, "odd"));
  EXPECT_EQ(quarter(7).code(), Code::kInvalid);
}

TEST(Result, TryOkStopsAtAnErrorAndDropsAValue) {
  int passed = 0;
  EXPECT_TRUE(only_even(4, passed));
  EXPECT_EQ(only_even(5, passed).error().text(), "odd");
  EXPECT_EQ(passed, 1);
}

TEST(Result, TryMovesWhatCannotBeCopied) {
  EXPECT_EQ(unbox(8).value(), 4);
  EXPECT_EQ(unbox(9).code(), Code::kInvalid);
}

TEST(Result, ACodeAloneIsAnErrorThatSpeaksTheCodesText) {
  const Result<int> failed = Code::kNotFound;
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().message.empty());
  EXPECT_EQ(failed.error().text(), text_of(Code::kNotFound));
}

TEST(Result, ABooleanIsNotMadeOfACode) {
  const Result<bool> failed = Code::kNotPermitted;
  EXPECT_FALSE(failed.has_value());
  const Result<bool> no = false;
  EXPECT_TRUE(no.has_value());
}

TEST(Result, ASystemCallsErrorSaysWhatFailedAndWhy) {
  const Error error = errno_error(EACCES, "open /x");
  EXPECT_EQ(error.code, Code::kAccess);
  EXPECT_EQ(error.message, "open /x: Permission denied");
}

}  // namespace
}  // namespace headrace
