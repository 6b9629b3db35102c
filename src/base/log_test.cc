// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace headrace {
namespace {

using std::chrono::seconds;

/// A file that takes lines and shows them.
class Lines {
 public:
  Lines() : fd_(::memfd_create("lines", MFD_CLOEXEC)) {
    EXPECT_EQ(::fcntl(fd_.get(), F_SETFL, O_APPEND),
              0);  // a memfd's position is not moved atomically, as that of other files is
  }
  int fd() const { return fd_.get(); }
  std::vector<std::string> all() const {
    std::string text(1 << 20, '\0');
    text.resize(pread_full(fd_.get(), std::as_writable_bytes(std::span(text)), 0).value());
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      lines.push_back(text.substr(at, end - at));
      at = end == text.npos ? text.size() : end + 1;
    }
    return lines;
  }

 private:
  UniqueFd fd_;
};

class LogTest : public testing::Test {
 protected:
  Lines lines_;
  ManualClock clock_{{1769850307, 42'999'999}};  // 2026-01-31 09:05:07.042
  Log log_{lines_.fd(), LogLevel::kDebug, LogFormat::kText, &clock_};
};

TEST_F(LogTest, ALineOfTextIsLogfmt) {
  log_.warn("the store is slow", {{"bucket", "b1"}, {"path", "/a b"}, {"empty", ""}, {"eq", "a=b"}});
  EXPECT_EQ(
      lines_.all(),
      std::vector<std::string>{
          R"(ts=2026-01-31T09:05:07.042Z level=warn msg="the store is slow" bucket=b1 path="/a b" empty="" eq="a=b")"});
}

TEST_F(LogTest, ALineOfJsonIsOneObject) {
  const Log log(lines_.fd(), LogLevel::kInfo, LogFormat::kJson, &clock_);
  log.info("say \"hi\"\n", {{"path", "\\x\x01\x7F"}});
  EXPECT_EQ(lines_.all(),
            std::vector<std::string>{
                R"({"ts":"2026-01-31T09:05:07.042Z","level":"info","msg":"say \"hi\"\n","path":"\\x\u0001\u007f"})"});
}

TEST_F(LogTest, WhatIsNotUtf8IsReplacedAndWhatIsStays) {
  log_.info("m", {{"k", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA7"}, {"bad", "a\xFF\xC3(\xED\xA0\x80\xF5"}});
  const std::string line = lines_.all().at(0);
  EXPECT_NE(line.find("k=\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA7\""), line.npos) << line;
  EXPECT_NE(line.find("bad=\"a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD\uFFFD\""), line.npos) << line;
}

TEST_F(LogTest, OneLineStaysOneLine) {
  log_.error("a\nb\rc", {{"k", "x\ny"}});
  EXPECT_EQ(lines_.all().size(), 1u);
}

TEST_F(LogTest, AVeryLongValueIsCut) {
  log_.info("m", {{"k", std::string(100000, 'x')}});
  EXPECT_LT(lines_.all().at(0).size(), 4300u);
}

TEST_F(LogTest, DatesAreThoseOfTheCalendar) {
  struct Row {
    std::int64_t seconds;
    const char* text;
  };
  for (const Row& row : std::initializer_list<Row>{{0, "1970-01-01T00:00:00.000Z"},
                                                   {951782399, "2000-02-28T23:59:59.000Z"},
                                                   {951782400, "2000-02-29T00:00:00.000Z"},
                                                   {951868800, "2000-03-01T00:00:00.000Z"},
                                                   {4107542400, "2100-03-01T00:00:00.000Z"},
                                                   {-1, "1969-12-31T23:59:59.000Z"},
                                                   {1735689599, "2024-12-31T23:59:59.000Z"}}) {
    Lines lines;
    clock_.set_wall({row.seconds, 0});
    Log(lines.fd(), LogLevel::kInfo, LogFormat::kText, &clock_).info("m");
    EXPECT_EQ(lines.all().at(0).substr(3, 24), row.text);
  }
}

TEST_F(LogTest, OnlyWhatTheLevelAsksForIsWritten) {
  log_.set_level(LogLevel::kWarn);
  log_.debug("d");
  log_.info("i");
  log_.warn("w");
  log_.error("e");
  EXPECT_EQ(lines_.all().size(), 2u);
  EXPECT_FALSE(log_.is_enabled(LogLevel::kInfo));
  log_.set_level(LogLevel::kOff);
  log_.error("e2");
  EXPECT_EQ(lines_.all().size(), 2u);
}

TEST_F(LogTest, AWarningThatComesOverAndOverIsCountedAndTheCountIsTold) {
  for (int i = 0; i < 1000; ++i) log_.warn("the store is slow", {{"n", std::to_string(i)}});
  EXPECT_EQ(lines_.all().size(), 10u);
  log_.warn("another message");
  EXPECT_EQ(lines_.all().size(), 11u) << "only equal ones are counted together";
  clock_.advance(seconds(10));
  log_.info("anything");
  const std::vector<std::string> lines = lines_.all();
  ASSERT_EQ(lines.size(), 13u);
  EXPECT_NE(lines[11].find("level=warn msg=\"the store is slow\" suppressed=990"), std::string::npos) << lines[11];
  log_.warn("the store is slow");
  EXPECT_EQ(lines_.all().size(), 14u) << "after the window it is news again";
}

TEST_F(LogTest, WhatWasCountedIsToldWhenTheLogEnds) {
  {
    const Log log(lines_.fd(), LogLevel::kInfo, LogFormat::kJson, &clock_);
    for (int i = 0; i < 15; ++i) log.error("lost");
  }
  EXPECT_EQ(lines_.all().size(), 11u);
  EXPECT_NE(lines_.all().back().find(R"("msg":"lost","suppressed":"5")"), std::string::npos);
}

TEST_F(LogTest, InformationIsNeverSuppressed) {
  for (int i = 0; i < 100; ++i) log_.info("the same");
  EXPECT_EQ(lines_.all().size(), 100u);
}

TEST_F(LogTest, ManyDifferentWarningsAreAllWritten) {
  for (int i = 0; i < 1000; ++i) log_.warn("warning " + std::to_string(i));
  EXPECT_EQ(lines_.all().size(), 1000u);
}

TEST_F(LogTest, SecretsAreMaskedInMessagesAndFields) {
  log_.info("opening redis://u:hunter2@host/1", {{"url", "redis://:hunter2@h"},
                                                 {"password", "hunter2"},
                                                 {"aws_session_token", "hunter2"},
                                                 {"args", "--x secret_key=hunter2"}});
  const std::string line = lines_.all().at(0);
  EXPECT_EQ(line.find("hunter2"), line.npos) << line;
  EXPECT_NE(line.find("redis://u:***@host/1"), line.npos) << line;
}

TEST_F(LogTest, LinesOfManyThreadsAreNotMixed) {
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i)
          log_.info("message",
                    {{"thread", std::to_string(t)}, {"filler", std::string(200, static_cast<char>('a' + t))}});
      });
    }
  }
  const std::vector<std::string> lines = lines_.all();
  ASSERT_EQ(lines.size(), 800u);
  for (const std::string& line : lines) {
    EXPECT_TRUE(line.starts_with("ts=2026")) << line;
    EXPECT_EQ(line.size(), lines[0].size());
  }
}

TEST_F(LogTest, AReaderThatIsGoneCostsTheLineAndNothingElse) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd in(ends[0]), out(ends[1]);
  const Log log(out.get(), LogLevel::kInfo, LogFormat::kText, &clock_);
  in.reset();
  log.info("nobody reads this");
  EXPECT_EQ(log.dropped_lines(), 1u);
}

TEST_F(LogTest, AReaderThatIsStuckCostsLinesAndNothingElse) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd in(ends[0]), out(ends[1]);
  ASSERT_GT(::fcntl(out.get(), F_SETPIPE_SZ, 4096), 0);
  const Log log(out.get(), LogLevel::kInfo, LogFormat::kText, &clock_);
  const SystemClock clock;
  const Moment start = clock.now();
  for (int i = 0; i < 1000; ++i) log.info(std::string(300, 'x'));
  EXPECT_LT(clock.now() - start, seconds(20));
  EXPECT_GT(log.dropped_lines(), 900u);
  std::string drained(8192, '\0');
  ASSERT_GT(::read(in.get(), drained.data(), drained.size()), 0);
  const std::uint64_t before = log.dropped_lines();
  log.info("there is room again");
  EXPECT_EQ(log.dropped_lines(), before);
}

TEST(LogLevelText, IsReadFromItsName) {
  EXPECT_EQ(parse_log_level("debug").value(), LogLevel::kDebug);
  EXPECT_EQ(parse_log_level("off").value(), LogLevel::kOff);
  EXPECT_EQ(parse_log_level("loud").error().message, "a log level is debug, info, warn, error or off, got \"loud\"");
}

}  // namespace
}  // namespace headrace
