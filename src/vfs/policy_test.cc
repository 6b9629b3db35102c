// SPDX-License-Identifier: Apache-2.0
// Every row of the open table, in each order.
#include "vfs/policy.h"

#include <gtest/gtest.h>

namespace headrace::vfs {
namespace {

OpenQuestion quiet_large_whole() {
  OpenQuestion question;
  question.is_quiet = true;
  question.is_whole = true;
  return question;
}

OpenQuestion writing(OpenQuestion question, bool also_reads) {
  question.writes = true;
  question.reads = also_reads;
  return question;
}

TEST(OpenPolicy, AWholeQuietLargeFileIsServedByTheKernel) {
  EXPECT_EQ(answer_open(quiet_large_whole()), OpenAnswer::kPass);
}

TEST(OpenPolicy, AFileThatIsNotWholeIsServedDirectly) {
  OpenQuestion question = quiet_large_whole();
  question.is_whole = false;
  EXPECT_EQ(answer_open(question), OpenAnswer::kDirect);
}

TEST(OpenPolicy, ASmallQuietFileIsCachedWhetherOrNotACopyIsHere) {
  OpenQuestion question = quiet_large_whole();
  question.is_small = true;
  EXPECT_EQ(answer_open(question), OpenAnswer::kCached);
  question.is_whole = false;
  EXPECT_EQ(answer_open(question), OpenAnswer::kCached);
}

TEST(OpenPolicy, AFileThatChangedJustNowIsServedDirectly) {
  OpenQuestion question = quiet_large_whole();
  question.is_quiet = false;
  EXPECT_EQ(answer_open(question), OpenAnswer::kDirect);
}

TEST(OpenPolicy, AWriterOfAFreshNumberIsDirect) {
  EXPECT_EQ(answer_open(writing(quiet_large_whole(), true)), OpenAnswer::kDirect);
  EXPECT_EQ(answer_open(writing(quiet_large_whole(), false)), OpenAnswer::kDirect);
}

TEST(OpenPolicy, AReaderBesidePassthroughReadersSharesTheirBacking) {
  OpenQuestion question = quiet_large_whole();
  question.mode = NodeMode::kPass;
  question.has_handles = true;
  question.is_whole = false;  // evicted from the index since: the kernel's copy still holds
  EXPECT_EQ(answer_open(question), OpenAnswer::kPass);
}

TEST(OpenPolicy, AWriteOnlyHandleBesidePassthroughReadersStaysOnTheirNumber) {
  OpenQuestion question = writing(quiet_large_whole(), false);
  question.mode = NodeMode::kPass;
  question.has_handles = true;
  EXPECT_EQ(answer_open(question), OpenAnswer::kPassDirect);
}

TEST(OpenPolicy, AHandleThatMayBeMappedForWritingNeverStandsOnABacking) {
  OpenQuestion question = writing(quiet_large_whole(), true);
  question.mode = NodeMode::kPass;
  question.has_handles = true;
  EXPECT_EQ(answer_open(question), OpenAnswer::kStale);
  question.has_handles = false;  // a mapping may outlive its handle
  EXPECT_EQ(answer_open(question), OpenAnswer::kStale);
}

TEST(OpenPolicy, AReaderBesideAWriterIsDirect) {
  OpenQuestion question = quiet_large_whole();
  question.mode = NodeMode::kDirect;
  question.has_handles = question.has_writers = true;
  question.is_quiet = false;
  EXPECT_EQ(answer_open(question), OpenAnswer::kDirect);
}

TEST(OpenPolicy, DirectReadersOfAFileThatBecameWholeMakeTheNextReaderLookUpAgain) {
  OpenQuestion question = quiet_large_whole();
  question.mode = NodeMode::kDirect;
  question.has_handles = true;
  EXPECT_EQ(answer_open(question), OpenAnswer::kStale);
}

TEST(OpenPolicy, ADirectNumberWithoutHandlesChangesItsModeInPlace) {
  OpenQuestion question = quiet_large_whole();
  question.mode = NodeMode::kDirect;
  EXPECT_EQ(answer_open(question), OpenAnswer::kPass);
  question.is_small = true;
  EXPECT_EQ(answer_open(question), OpenAnswer::kCached);
}

TEST(OpenPolicy, AVersionOfAnotherMountNeedsAFreshNumber) {
  OpenQuestion question = quiet_large_whole();
  question.mode = NodeMode::kPass;
  question.backing_holds = false;
  EXPECT_EQ(answer_open(question), OpenAnswer::kStale);
}

TEST(OpenPolicy, AWriterOfACachedNumberNeedsAFreshNumber) {
  for (const bool also_reads : {false, true}) {
    OpenQuestion question = writing(quiet_large_whole(), also_reads);
    question.mode = NodeMode::kCached;
    question.is_small = true;
    EXPECT_EQ(answer_open(question), OpenAnswer::kStale);
  }
}

/// Whatever the question: on a retired number the user would see ESTALE, and a plain direct or cached open beside a
/// backing is EIO.
TEST(OpenPolicy, ARetiredNumberIsNeverStaleAndNeverMixesModes) {
  for (unsigned bits = 0; bits < 512; ++bits) {
    for (const NodeMode mode : {NodeMode::kNone, NodeMode::kDirect, NodeMode::kCached, NodeMode::kPass}) {
      const auto bit = [bits](unsigned i) { return (bits >> i & 1) != 0; };
      OpenQuestion question{.mode = mode,
                            .is_current = false,
                            .has_handles = bit(0),
                            .reads = bit(1),
                            .writes = bit(2),
                            .has_writers = bit(3),
                            .is_quiet = bit(4),
                            .is_small = bit(5),
                            .is_whole = bit(6),
                            .backing_holds = bit(7)};
      const OpenAnswer answer = answer_open(question);
      EXPECT_NE(answer, OpenAnswer::kStale);
      if (mode == NodeMode::kPass) {
        EXPECT_TRUE(answer == OpenAnswer::kPass || answer == OpenAnswer::kPassDirect);
      } else {
        EXPECT_EQ(answer, OpenAnswer::kDirect);
      }
    }
  }
}

/// The kernel's rules for a current number, for every possible question.
TEST(OpenPolicy, NoAnswerBreaksTheKernelsRules) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    for (const NodeMode mode : {NodeMode::kNone, NodeMode::kDirect, NodeMode::kCached, NodeMode::kPass}) {
      const auto bit = [bits](unsigned i) { return (bits >> i & 1) != 0; };
      OpenQuestion question{.mode = mode,
                            .is_current = true,
                            .has_handles = bit(0),
                            .reads = bit(1),
                            .writes = bit(2),
                            .has_writers = bit(3),
                            .is_quiet = bit(4),
                            .is_small = bit(5),
                            .is_whole = bit(6),
                            .backing_holds = bit(7)};
      const OpenAnswer answer = answer_open(question);
      const bool on_backing = answer == OpenAnswer::kPass || answer == OpenAnswer::kPassDirect;
      if (mode == NodeMode::kPass) EXPECT_TRUE(on_backing || answer == OpenAnswer::kStale);
      if (mode != NodeMode::kPass && on_backing) EXPECT_TRUE(question.is_whole);
      if (mode == NodeMode::kDirect && question.has_handles)
        EXPECT_TRUE(answer == OpenAnswer::kDirect || answer == OpenAnswer::kStale);
      if (question.writes) EXPECT_NE(answer, OpenAnswer::kPass);
      if (question.writes && question.reads) EXPECT_FALSE(on_backing);
    }
  }
}

}  // namespace
}  // namespace headrace::vfs
