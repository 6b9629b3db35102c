// SPDX-License-Identifier: Apache-2.0
#include "cli/outcome.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

Outcome works_on(Result<int> input) {
  TRY(const int value, input);
  return value == 0 ? Outcome() : fail(Exit::kConflict, "not zero", "try zero");
}

TEST(Outcome, AnErrorOfTheWorldBecomesTheExitStatusOfItsKind) {
  EXPECT_TRUE(works_on(0).has_value());
  EXPECT_EQ(works_on(1).error().exit, Exit::kConflict);
  const Outcome refused = works_on(Error(Code::kUnauthorized, "bad password"));
  EXPECT_EQ(refused.error().exit, Exit::kPermission);
  EXPECT_EQ(refused.error().what, "bad password");
}

TEST(Outcome, EveryKindOfFailureHasAPromisedStatus) {
  EXPECT_EQ(static_cast<int>(exit_of(Code::kIo)), 1);
  EXPECT_EQ(static_cast<int>(exit_of(Code::kInvalid)), 2);
  EXPECT_EQ(static_cast<int>(exit_of(Code::kNotFound)), 3);
  EXPECT_EQ(static_cast<int>(exit_of(Code::kExists)), 4);
  EXPECT_EQ(static_cast<int>(exit_of(Code::kAccess)), 5);
  EXPECT_EQ(static_cast<int>(exit_of(Code::kTransient)), 6);
  EXPECT_EQ(static_cast<int>(exit_of(Code::kTimedOut)), 7);
  EXPECT_EQ(static_cast<int>(exit_of(Code::kDamaged)), 8);
  EXPECT_EQ(static_cast<int>(exit_of(Code::kInterrupted)), 130);
  int last = -1;
  for (const ExitMeaning& row : exit_meanings()) {
    EXPECT_LT(last, static_cast<int>(row.exit));
    EXPECT_FALSE(row.meaning.empty());
    last = static_cast<int>(row.exit);
  }
}

}  // namespace
}  // namespace headrace::cli
