// SPDX-License-Identifier: Apache-2.0
#include "apps/mount_options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "apps/commands.h"
#include "cli/parse.h"

namespace headrace::apps {
namespace {

constexpr std::uint64_t kMiB = 1ull << 20, kGiB = 1ull << 30;

MemoryUse machine(std::uint64_t bytes) {
  MemoryUse use;
  use.machine_bytes = use.available_bytes = bytes;
  return use;
}

std::expected<MountSettings, cli::Failure> settings_of(std::vector<std::string> words,
                                                       const MemoryUse& memory = machine(16 * kGiB)) {
  words.insert(words.end(), {"sqlite3:///m.db", "/mnt"});
  const cli::Command command = mount_command();
  auto line = cli::parse_line(command, words);
  if (!line) return std::unexpected<cli::Failure>(line.error());
  auto options = cli::Options::resolve(cli::all_options(command), {line->flags});
  if (!options) return std::unexpected<cli::Failure>(options.error());
  options->arguments = line->arguments;
  return mount_settings(*options, {{"HOME", "/home/u"}}, memory);
}

std::string refusal(std::vector<std::string> words, const MemoryUse& memory = machine(16 * kGiB)) {
  const auto settings = settings_of(std::move(words), memory);
  return settings ? std::string("accepted") : settings.error().what;
}

TEST(MountOptions, SizesFollowTheMemoryThereIs) {
  EXPECT_EQ(settings_of({})->cache_bytes, 4 * kGiB);
  EXPECT_EQ(settings_of({})->buffer_bytes, 300 * kMiB);
  MemoryUse small = machine(16 * kGiB);
  small.cgroup_limit = 512 * kMiB;
  EXPECT_EQ(settings_of({}, small)->cache_bytes, 128 * kMiB);
  EXPECT_EQ(settings_of({}, small)->buffer_bytes, 128 * kMiB);
  EXPECT_EQ(settings_of({"--cache-size", "1024", "--buffer-size=100M"})->cache_bytes, kGiB);
  EXPECT_EQ(settings_of({"--cache-size", "0"})->cache_bytes, 0u);
}

TEST(MountOptions, ABucketThatIsAUrlIsLeftToWhoOpensIt) {
  EXPECT_EQ(settings_of({"--bucket", "file:///b?latency=30ms"})->bucket, "file:///b?latency=30ms");
  EXPECT_EQ(settings_of({"--bucket", "/b"})->bucket, "/b");
  EXPECT_FALSE(settings_of({})->caches_large_writes);
  EXPECT_TRUE(settings_of({"--cache-large-write"})->caches_large_writes);
}

TEST(MountOptions, MoreMemoryThanThereIsIsRefused) {
  EXPECT_EQ(refusal({"--cache-size", "20GiB"}),
            "--cache-size 20 GiB and --buffer-size 300 MiB are more than the 16 GiB of memory there is");
  EXPECT_EQ(refusal({"--cache-size", "1KiB"}), "--cache-size: at least 64 MiB, or 0 for none, got 1KiB");
}

TEST(MountOptions, FuseOptionsAreTakenApartAndUnknownOnesRefused) {
  EXPECT_FALSE(settings_of({})->allow_other);
  EXPECT_FALSE(settings_of({})->is_read_only);
  const auto both = settings_of({"-o", "rw,allow_other", "-o", "ro,noatime"});
  EXPECT_TRUE(both->allow_other);
  EXPECT_TRUE(both->is_read_only);
  EXPECT_TRUE(settings_of({"--read-only"})->is_read_only);
  EXPECT_EQ(refusal({"-o", "suid"}), "-o suid is not supported");
}

TEST(MountOptions, FlagsOfJuiceFSWithoutAMeaningHereAreRefusedByName) {
  EXPECT_EQ(
      refusal({"--writeback"}),
      "--writeback is not supported: a file is in the bucket when close() returns; nothing waits on this node's disk");
  EXPECT_EQ(refusal({"--cache-dir", "/x"}),
            "--cache-dir is not supported: the cache of this version is memory: --cache-size");
  EXPECT_EQ(refusal({"--subdir=/x"}), "--subdir is not supported: not in this version; the whole volume is mounted");
  EXPECT_EQ(refusal({"-v"}), "-v is not supported: use --log-level debug");
}

TEST(MountOptions, WhatContradictsItselfIsRefused) {
  EXPECT_EQ(refusal({"-d", "--foreground"}), "--background and --foreground cannot both be");
  EXPECT_EQ(refusal({"--lanes", "io_uring"}).find("--lanes"), 0u);
}

TEST(MountOptions, PathsHoldAlsoInTheBackgroundsOtherFolder) {
  const cli::Command command = mount_command();
  auto line = cli::parse_line(command, {"sqlite3://m.db?table_prefix=x", "mnt/../data", "--bucket", "b"});
  auto options = cli::Options::resolve(cli::all_options(command), {line->flags});
  options->arguments = line->arguments;
  const auto settings = mount_settings(*options, {}, machine(16 * kGiB));
  char here[4096];
  ASSERT_NE(getcwd(here, sizeof here), nullptr);
  EXPECT_EQ(settings->meta_url, std::string("sqlite3://") + here + "/m.db?table_prefix=x");
  EXPECT_EQ(settings->mount_point, std::string(here) + "/data");
  EXPECT_EQ(settings->bucket, std::string(here) + "/b");
}

TEST(Program, NoFlagIsBothTakenAndRefusedAndEveryDefaultPassesItsOwnCheck) {
  std::set<std::string> names;
  for (const cli::Command& command : headrace_program().commands) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_TRUE(static_cast<bool>(command.run)) << command.name;
    std::set<std::string> flags;
    std::set<char> letters;
    for (const cli::OptionSpec& spec : cli::all_options(command)) {
      EXPECT_TRUE(flags.insert(spec.name).second) << command.name << " --" << spec.name;
      if (spec.letter != 0) EXPECT_TRUE(letters.insert(spec.letter).second) << command.name << " -" << spec.letter;
      EXPECT_FALSE(spec.text.empty()) << command.name << " --" << spec.name;
      EXPECT_EQ(spec.kind == cli::ValueKind::kSwitch, spec.value_name.empty()) << command.name << " --" << spec.name;
    }
    for (const cli::RefusedOption& refused : command.refused) {
      EXPECT_FALSE(flags.contains(refused.name)) << command.name << " --" << refused.name;
      if (refused.letter != 0) EXPECT_FALSE(letters.contains(refused.letter)) << command.name << " -" << refused.letter;
    }
    EXPECT_TRUE(cli::Options::resolve(cli::all_options(command), {})) << command.name;
  }
}

}  // namespace
}  // namespace headrace::apps
