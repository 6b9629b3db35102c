// SPDX-License-Identifier: Apache-2.0
#include "cli/parse.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

Command mount() {
  Command command;
  command.name = "mount";
  command.arguments = {{"META-URL", "the metadata"}, {"MOUNTPOINT", "the folder"}};
  command.options = {
      {.name = "background", .letter = 'd', .text = ""},
      {.name = "quiet", .letter = 'q', .text = ""},
      {.name = "cache-size", .kind = ValueKind::kSize, .value_name = "SIZE", .text = ""},
      {.name = "fuse-option",
       .letter = 'o',
       .kind = ValueKind::kText,
       .value_name = "OPTION",
       .text = "",
       .repeats = true},
      {.name = "no-bgjob", .text = ""},
  };
  command.refused = {{"writeback", 0, "it would lose data"}, {"verbose", 'v', "use --log-level debug"}};
  return command;
}

using Words = std::vector<std::string>;

std::string failure(const Words& words) {
  const auto line = parse_line(mount(), words);
  return line ? std::string("accepted") : line.error().what + "|" + line.error().hint;
}

TEST(Parse, FlagsMayStandBeforeBetweenAndBehindArguments) {
  const auto line =
      parse_line(mount(), {"-d", "sqlite3://x", "--cache-size=1GiB", "/mnt", "-o", "ro", "-oallow_other"});
  ASSERT_TRUE(line) << line.error().what;
  EXPECT_EQ(line->arguments, (Words{"sqlite3://x", "/mnt"}));
  EXPECT_EQ(line->flags.values.at("background"), Words{"true"});
  EXPECT_EQ(line->flags.values.at("cache-size"), Words{"1GiB"});
  EXPECT_EQ(line->flags.values.at("fuse-option"), (Words{"ro", "allow_other"}));
}

TEST(Parse, LettersMayStandTogetherAndTwoDashesEndTheFlags) {
  const auto line = parse_line(mount(), {"-dq", "--", "--not-a-flag", "-x"});
  ASSERT_TRUE(line) << line.error().what;
  EXPECT_TRUE(line->flags.values.contains("background"));
  EXPECT_TRUE(line->flags.values.contains("quiet"));
  EXPECT_EQ(line->arguments, (Words{"--not-a-flag", "-x"}));
}

TEST(Parse, NoSwitchesOffAndASwitchMayBeToldItsValue) {
  const auto off = parse_line(mount(), {"--no-background"});
  ASSERT_TRUE(off);
  EXPECT_EQ(off->flags.values.at("background"), Words{"false"});
  const auto told = parse_line(mount(), {"--background=false", "--no-bgjob"});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->flags.values.at("background"), Words{"false"});
  EXPECT_EQ(told->flags.values.at("no-bgjob"), Words{"true"});
}

TEST(Parse, ASwitchThatIsToldANumberOfAnyLengthIsRefusedAndNoMore) {
  EXPECT_EQ(failure({"--no-background=99999999999999999999"}),
            "a flag that begins with --no- takes true or false, not so large a number|headrace help mount");
  EXPECT_TRUE(parse_line(mount(), {"--background=99999999999999999999"})) << "its value is looked at later";
}

TEST(Parse, AnUnknownFlagIsRefusedWithTheNearestOne) {
  EXPECT_EQ(failure({"--cach-size", "1"}), "headrace mount has no flag --cach-size|did you mean --cache-size?");
  EXPECT_EQ(failure({"--cache-szie=1"}), "headrace mount has no flag --cache-szie|did you mean --cache-size?");
  EXPECT_EQ(failure({"--completely-else"}), "headrace mount has no flag --completely-else|headrace help mount");
  EXPECT_EQ(failure({"-x"}), "headrace mount has no flag -x|headrace help mount");
}

TEST(Parse, AFlagOfJuiceFSThatIsNotHereIsRefusedByNameWithTheReason) {
  EXPECT_EQ(failure({"--writeback"}), "--writeback is not supported: it would lose data|");
  EXPECT_EQ(failure({"-v"}), "-v is not supported: use --log-level debug|");
  EXPECT_EQ(failure({"a", "b", "--writeback=true"}), "--writeback is not supported: it would lose data|");
}

TEST(Parse, AFlagWithoutItsValueIsWrongUsage) {
  const auto line = parse_line(mount(), {"--cache-size"});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().exit, Exit::kUsage);
  EXPECT_NE(line.error().what.find("--cache-size"), std::string::npos) << line.error().what;
}

TEST(Parse, HelpIsHelpWhateverElseStandsThere) {
  const auto line = parse_line(mount(), {"--writeback", "--help"});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->wants_help);
}

TEST(Parse, TooFewAndTooManyArgumentsAreNamed) {
  const auto what = [](const Words& words) {
    const Outcome outcome = check_arguments(mount(), words);
    return outcome ? std::string("accepted") : outcome.error().what;
  };
  EXPECT_EQ(what({}), "META-URL is missing: the metadata");
  EXPECT_EQ(what({"a"}), "MOUNTPOINT is missing: the folder");
  EXPECT_EQ(what({"a", "b"}), "accepted");
  EXPECT_EQ(what({"a", "b", "c"}), "headrace mount does not take 'c'");
}

}  // namespace
}  // namespace headrace::cli
