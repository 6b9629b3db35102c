// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "cli/progress.h"

namespace headrace::cli {
namespace {

std::string content_of(int fd) {
  std::string text(65536, '\0');
  const auto got = pread_full(fd, std::as_writable_bytes(std::span(text)), 0);
  text.resize(got.value_or(0));
  return text;
}

TEST(Table, ColumnsAreAlignedAndNothingIsWrittenAsNone) {
  Table table({"NAME", "SIZE"});
  table.add_row({"imagenet", "1 GiB"});
  table.add_row({"é", ""});
  EXPECT_EQ(table.text(), "NAME      SIZE\nimagenet  1 GiB\né         <none>\n");
}

TEST(Table, AnEscapeSequenceInANameDoesNotReachTheScreen) {
  Table table({"NAME"});
  table.add_row({"a\x1b[2Jb\nc"});
  EXPECT_EQ(table.text(), "NAME\na?[2Jb?c\n");
}

TEST(Document, SaysItsVersionAndBytesThatAreNoTextDoNotBreakIt) {
  const UniqueFd fd(memfd_create("out", MFD_CLOEXEC));
  Terminal terminal({.in = 0, .out = fd.get(), .err = fd.get()});
  auto document = new_document("Info");
  document["path"] = "bad\xff";
  print_json(terminal, document);
  const auto parsed = nlohmann::json::parse(content_of(fd.get()));
  EXPECT_EQ(parsed["apiVersion"], "headrace/v1");
  EXPECT_EQ(parsed["kind"], "Info");
  EXPECT_EQ(parsed["path"], "bad\xEF\xBF\xBD");
}

TEST(Terminal, AStreamThatIsNoScreenGetsNoColours) {
  const UniqueFd fd(memfd_create("out", MFD_CLOEXEC));
  const Terminal terminal({.in = fd.get(), .out = fd.get(), .err = fd.get()});
  EXPECT_EQ(terminal.on_err(Colour::kRed, "error"), "error");
  EXPECT_FALSE(terminal.can_ask());
}

TEST(Terminal, OutputThatCannotBeWrittenIsRemembered) {
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full.is_open());
  Terminal terminal({.in = 0, .out = full.get(), .err = full.get()});
  terminal.out("x");
  EXPECT_TRUE(terminal.has_failed());
}

TEST(Progress, WithoutAScreenThereIsALineEveryTenSecondsAndOneAtTheEnd) {
  const UniqueFd fd(memfd_create("err", MFD_CLOEXEC));
  Terminal terminal({.in = 0, .out = fd.get(), .err = fd.get()});
  ManualClock clock;
  Progress progress(terminal, clock, "checking", 2000, false);
  progress.update(10);
  clock.advance(std::chrono::seconds(9));
  progress.update(900);
  EXPECT_EQ(content_of(fd.get()), "");
  clock.advance(std::chrono::seconds(1));
  progress.update(1000, "4 MiB");
  const std::string line = "checking: [############------------] 1,000 of 2,000, 4 MiB, 100/s, 10s\n";
  EXPECT_EQ(content_of(fd.get()), line);
  clock.advance(std::chrono::seconds(1));
  progress.finish();
  progress.finish();
  EXPECT_EQ(content_of(fd.get()), line + "checking: 1,000, 4 MiB, 90/s, 11s\n");
}

TEST(Progress, QuietSaysNothing) {
  const UniqueFd fd(memfd_create("err", MFD_CLOEXEC));
  Terminal terminal({.in = 0, .out = fd.get(), .err = fd.get()});
  ManualClock clock;
  Progress progress(terminal, clock, "checking", 0, true);
  clock.advance(std::chrono::seconds(60));
  progress.update(1);
  progress.finish();
  EXPECT_EQ(content_of(fd.get()), "");
}

TEST(Format, TimesAreUtcAndCountsHaveCommas) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(1700000000), "2023-11-14T22:13:20Z");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1234567), "1,234,567");
}

}  // namespace
}  // namespace headrace::cli
