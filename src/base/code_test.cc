// SPDX-License-Identifier: Apache-2.0
#include "base/code.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>
#include <vector>

namespace headrace {
namespace {

std::vector<Code> all_codes() {
  std::vector<Code> codes;
  for (int i = 0; i < kCodeCount; ++i) codes.push_back(static_cast<Code>(i));
  return codes;
}

TEST(Code, EachHasANameAndATextOfItsOwn) {
  std::set<std::string_view> names, texts;
  for (const Code code : all_codes()) {
    EXPECT_TRUE(names.insert(name_of(code)).second) << name_of(code);
    EXPECT_TRUE(texts.insert(text_of(code)).second) << text_of(code);
    EXPECT_EQ(name_of(code).find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << name_of(code);
  }
}

TEST(Code, APosixCodeAndItsErrnoNameEachOther) {
  std::set<int> errnos;
  for (const Code code : all_codes()) {
    if (code >= Code::kTransient) break;
    EXPECT_TRUE(errnos.insert(errno_of(code)).second) << name_of(code);
    EXPECT_EQ(code_of_errno(errno_of(code)), code) << name_of(code);
  }
}

TEST(Code, WhatTheWorldDoesIsAnInputOutputErrorToAnApplication) {
  for (const Code code : all_codes()) {
    if (code < Code::kTransient) continue;
    EXPECT_EQ(errno_of(code), code == Code::kUnauthorized ? EACCES : EIO) << name_of(code);
  }
}

TEST(Code, TheErrnosThatApplicationsAskForAreTheKernels) {
  EXPECT_EQ(errno_of(Code::kNotFound), ENOENT);
  EXPECT_EQ(errno_of(Code::kNotEmpty), ENOTEMPTY);
  EXPECT_EQ(errno_of(Code::kCrossDevice), EXDEV);
  EXPECT_EQ(errno_of(Code::kNoData), ENODATA);
  EXPECT_EQ(errno_of(Code::kWouldBlock), EWOULDBLOCK);
  EXPECT_EQ(errno_of(Code::kNotSupported), ENOTSUP);
  EXPECT_EQ(errno_of(Code::kStale), ESTALE);
}

TEST(Code, AnErrnoWithoutACodeIsIo) {
  EXPECT_EQ(code_of_errno(ECONNRESET), Code::kIo);
  EXPECT_EQ(code_of_errno(0), Code::kIo);
  EXPECT_EQ(code_of_errno(123456), Code::kIo);
}

TEST(Code, OnlyWhatMayGoBetterIsTriedAgain) {
  std::set<std::string_view> retried;
  for (const Code code : all_codes()) {
    if (is_retryable(code)) retried.insert(name_of(code));
  }
  EXPECT_EQ(retried, (std::set<std::string_view>{"transient", "throttled", "timed_out", "conflict"}));
}

}  // namespace
}  // namespace headrace
