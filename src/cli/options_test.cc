// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <gtest/gtest.h>

#include "cli/config_file.h"

namespace headrace::cli {
namespace {

std::string describe(const Source&, std::string_view name) { return "--" + std::string(name); }

Source line(std::map<std::string, std::vector<std::string>, std::less<>> values) {
  return {describe, "", std::move(values)};
}

std::vector<OptionSpec> specs() {
  return {
      {.name = "cache-size",
       .kind = ValueKind::kSize,
       .value_name = "SIZE",
       .text = "",
       .fallback = "1GiB",
       .bare_unit = 1u << 20,
       .least = 64u << 20,
       .zero_is_off = true},
      {.name = "threads",
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "",
       .fallback = "4",
       .least = 1,
       .most = 64},
      {.name = "heartbeat",
       .kind = ValueKind::kDuration,
       .value_name = "TIME",
       .text = "",
       .fallback = "12s",
       .least = 1'000'000'000ull,
       .most = 600'000'000'000ull},
      {.name = "read-only", .text = ""},
      {.name = "fuse-option", .kind = ValueKind::kText, .value_name = "OPTION", .text = "", .repeats = true},
      {.name = "form",
       .kind = ValueKind::kChoice,
       .value_name = "FORM",
       .text = "",
       .fallback = "table",
       .choices = {"table", "json"}},
      {.name = "yes", .text = "", .only_flag = true},
  };
}

TEST(Options, TheCommandLineComesBeforeTheEnvironmentBeforeTheFileBeforeTheDefault) {
  const Environment environment{{"HEADRACE_THREADS", "7"}, {"HEADRACE_CACHE_SIZE", "2GiB"}};
  const auto file = parse_config("f", "threads: 9\ncache-size: 3GiB\nheartbeat: 20s\n");
  ASSERT_TRUE(file);
  const auto from_file = config_source(*file, "mount", specs());
  ASSERT_TRUE(from_file);
  const auto options =
      Options::resolve(specs(), {line({{"threads", {"5"}}}), environment_source(environment, specs()), *from_file});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->number("threads"), 5u);
  EXPECT_EQ(options->size("cache-size"), 2ull << 30);
  EXPECT_EQ(options->duration("heartbeat"), std::chrono::seconds(20));
  EXPECT_EQ(options->text("form"), "table");
  EXPECT_TRUE(options->is_set("heartbeat"));
  EXPECT_FALSE(options->is_set("form"));
}

TEST(Options, ABareNumberCountsInTheFlagsOwnUnit) {
  const auto options = Options::resolve(specs(), {line({{"cache-size", {"100"}}})});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->size("cache-size"), 100ull << 20);
}

TEST(Options, AValueThatCannotBeIsRefusedWithItsFlagItsBoundAndWhatWasTyped) {
  const auto refused = [](std::string name, std::string value) {
    const auto options = Options::resolve(specs(), {line({{std::move(name), {std::move(value)}}})});
    return options ? std::string("accepted") : options.error().message;
  };
  EXPECT_EQ(refused("cache-size", "1KiB"), "--cache-size: at least 64 MiB, or 0 for none, got 1KiB");
  EXPECT_EQ(refused("cache-size", "0"), "accepted");
  EXPECT_EQ(refused("threads", "65"), "--threads: at most 64, got 65");
  EXPECT_EQ(refused("threads", "-1"), "--threads: a whole number, got -1");
  EXPECT_EQ(refused("threads", "3x"), "--threads: a whole number, got 3x");
  EXPECT_EQ(refused("heartbeat", "11m"), "--heartbeat: at most 10m, got 11m");
  EXPECT_EQ(refused("form", "yaml"), "--form: one of table, json; got yaml");
  EXPECT_EQ(refused("read-only", "maybe"), "--read-only: true or false, got maybe");
}

TEST(Options, AVariableThatCannotBeIsNamedByItsOwnName) {
  const auto options = Options::resolve(specs(), {environment_source({{"HEADRACE_THREADS", "many"}}, specs())});
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().message, "HEADRACE_THREADS: a whole number, got many");
}

TEST(Options, TheLastOfSeveralValuesCountsUnlessTheFlagRepeats) {
  const auto options =
      Options::resolve(specs(), {line({{"threads", {"5", "6"}}, {"fuse-option", {"ro", "allow_other"}}})});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->number("threads"), 6u);
  EXPECT_EQ(options->list("fuse-option"), (std::vector<std::string>{"ro", "allow_other"}));
}

TEST(Options, WhatMustBeMeantEachTimeIsNotTakenFromTheEnvironmentOrAFile) {
  EXPECT_TRUE(environment_source({{"HEADRACE_YES", "1"}}, specs()).values.empty());
  const auto file = parse_config("f", "yes: true\n");
  ASSERT_TRUE(file);
  const auto source = config_source(*file, "destroy", specs());
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().message, "f:1: yes is only taken on the command line");
}

TEST(Options, AValueForAllCommandsIsPassedOverByTheOneThatTakesItOnTheCommandLineAlone) {
  const std::vector<OptionSpec> config{
      {.name = "trash-days", .kind = ValueKind::kNumber, .text = "", .only_flag = true}};
  const auto source = config_source(*parse_config("f", "trash-days: 2\n"), "config", config);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_TRUE(source->values.empty());
  EXPECT_FALSE(config_source(*parse_config("f", "config:\n  trash-days: 2\n"), "config", config));
}

}  // namespace
}  // namespace headrace::cli
