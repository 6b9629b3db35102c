// SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

std::string refusal(std::string_view text) {
  const auto file = parse_config("c.yaml", text);
  return file ? std::string("accepted") : file.error().message;
}

TEST(ConfigFile, ACommandsOwnSectionComesBeforeTheCommonPart) {
  const auto file = parse_config("c.yaml",
                                 "---\n# for all\nlog-level: info\nthreads: 3\n\nmount:\n  threads: 8   # more\n  "
                                 "fuse-option: \"ro,allow_other\"\n");
  ASSERT_TRUE(file) << file.error().message;
  const std::vector<OptionSpec> specs{
      {.name = "log-level", .kind = ValueKind::kText, .value_name = "", .text = ""},
      {.name = "threads", .kind = ValueKind::kNumber, .value_name = "", .text = ""},
      {.name = "fuse-option", .kind = ValueKind::kText, .value_name = "", .text = ""},
  };
  const auto mount = config_source(*file, "mount", specs);
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->values.at("threads"), std::vector<std::string>{"8"});
  EXPECT_EQ(mount->values.at("fuse-option"), std::vector<std::string>{"ro,allow_other"});
  EXPECT_EQ(mount->values.at("log-level"), std::vector<std::string>{"info"});
  const auto other = config_source(*file, "fsck", specs);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->values.at("threads"), std::vector<std::string>{"3"});
  EXPECT_FALSE(other->values.contains("fuse-option"));
}

TEST(ConfigFile, WhatIsNotReadIsRefusedWithItsLine) {
  EXPECT_EQ(refusal("a: 1\nnonsense\n"), "c.yaml:2: not of the form 'flag: value'");
  EXPECT_EQ(refusal("a: [1, 2]\n"), "c.yaml:1: a value may not begin with '['; put it in quotes");
  EXPECT_EQ(refusal("a: 1\na: 2\n"), "c.yaml:2: a stands here twice");
  EXPECT_EQ(refusal("m:\n  a: 1\nm:\n"), "c.yaml:3: m stands here twice");
  EXPECT_EQ(refusal("  a: 1\n"), "c.yaml:1: indented, but below no command");
  EXPECT_EQ(refusal("a: 1\n  b: 2\n"), "c.yaml:2: indented, but below no command");
  EXPECT_EQ(refusal("m:\n  a:\n"), "c.yaml:2: a has no value");
  EXPECT_EQ(refusal("m:\n\ta: 1\n"), "c.yaml:2: a tab; indent with spaces");
  EXPECT_EQ(refusal("a:1\n"), "c.yaml:1: a space is missing behind ':'");
  EXPECT_EQ(refusal("a: \"x\n"), "c.yaml:1: a quote that is not closed");
  EXPECT_EQ(refusal("Cache: 1\n"), "c.yaml:1: not of the form 'flag: value'");
}

TEST(ConfigFile, AFileThatIsNotThereIsNotFound) {
  const auto file = read_config("/nonexistent/config.yaml");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.code(), Code::kNotFound);
}

TEST(ConfigFile, TheUsersOwnFileIsReadBeforeTheMachines) {
  EXPECT_EQ(config_paths({{"HOME", "/home/u"}}),
            (std::vector<std::string>{"/home/u/.config/headrace/config.yaml", "/etc/headrace/config.yaml"}));
  EXPECT_EQ(config_paths({{"HOME", "/home/u"}, {"XDG_CONFIG_HOME", "/x"}}),
            (std::vector<std::string>{"/x/headrace/config.yaml", "/etc/headrace/config.yaml"}));
}

}  // namespace
}  // namespace headrace::cli
