// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "base/fd.h"
#include "cli/commands/commands.h"
#include "cli/help.h"
#include "cli/pages.h"
#include "cli/terminal.h"

namespace headrace::cli {
namespace {

struct Ran {
  int status = 0;
  std::string out, err;
};

std::string content_of(int fd) {
  std::string text(1u << 20, '\0');
  text.resize(pread_full(fd, std::as_writable_bytes(std::span(text)), 0).value_or(0));
  return text;
}

Ran run(const Program& program, const std::vector<std::string>& words, const Environment& environment = {}) {
  const UniqueFd out(memfd_create("out", MFD_CLOEXEC)), err(memfd_create("err", MFD_CLOEXEC));
  Terminal terminal({.in = 0, .out = out.get(), .err = err.get()});
  const int status = run_program(program, words, environment, {}, terminal);
  return {status, content_of(out.get()), content_of(err.get())};
}

Command greet() {
  Command command;
  command.name = "greet";
  command.summary = "Say hello";
  command.arguments = {{"WHO", "who is greeted"}};
  command.options = {{.name = "times",
                      .letter = 'n',
                      .kind = ValueKind::kNumber,
                      .value_name = "N",
                      .text = "How often",
                      .fallback = "1",
                      .most = 9}};
  command.prints = true;
  command.run = [](Context& context) -> Outcome {
    const std::string& who = context.options.arguments[0];
    if (who == "nobody") return fail(Exit::kNotFound, "nobody is not there", "greet somebody");
    for (std::uint64_t i = 0; i < context.options.number("times"); ++i) context.terminal.out("hello " + who + "\n");
    return {};
  };
  return command;
}

Program program() {
  Program made;
  made.version = "1.2.3";
  made.commands = {greet(), help_command(), version_command(), completion_command(), docs_command()};
  return made;
}

TEST(Program, ACommandGetsItsValuesAndItsSuccessIsZero) {
  const Ran ran = run(program(), {"greet", "you", "-n", "2"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "hello you\nhello you\n");
  EXPECT_EQ(ran.err, "");
}

TEST(Program, AFailureIsOneLineAHintAndTheCommandsExitStatus) {
  const Ran ran = run(program(), {"greet", "nobody"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_EQ(ran.err, "error: nobody is not there\nhint:  greet somebody\n");
}

TEST(Program, AnUnknownCommandIsWrongUsageWithTheNearestOne) {
  const Ran ran = run(program(), {"gret", "you"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "error: there is no command 'gret'\nhint:  did you mean headrace greet?\n");
}

TEST(Program, AFlagBeforeTheCommandIsWrongUsage) { EXPECT_EQ(run(program(), {"--times", "3", "greet"}).status, 2); }

TEST(Program, AloneItShowsWhatToTypeOnTheFirstDay) {
  const Ran ran = run(program(), {});
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("headrace mount"), std::string::npos);
  EXPECT_LE(std::count(ran.out.begin(), ran.out.end(), '\n'), 12);
}

TEST(Program, VersionAndHelpAreAlsoFlags) {
  EXPECT_EQ(run(program(), {"--version"}).out, "headrace 1.2.3\n");
  EXPECT_EQ(run(program(), {"--help"}).out, list_of_commands(program()));
  EXPECT_EQ(run(program(), {"greet", "--help"}).out, help_text(greet()));
}

TEST(Program, TheEnvironmentSpeaksWhereTheCommandLineDoesNot) {
  EXPECT_EQ(run(program(), {"greet", "you"}, {{"HEADRACE_TIMES", "3"}}).out, "hello you\nhello you\nhello you\n");
  EXPECT_EQ(run(program(), {"greet", "you", "--times=1"}, {{"HEADRACE_TIMES", "3"}}).out, "hello you\n");
  const Ran wrong = run(program(), {"greet", "you"}, {{"HEADRACE_TIMES", "10"}});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(wrong.err, "error: HEADRACE_TIMES: at most 9, got 10\n");
}

TEST(Program, AMistypedFlagInAFileIsFoundAndTheFileOfConfigMustBeThere) {
  const std::string path = testing::TempDir() + "/config-" + std::to_string(getpid()) + ".yaml";
  std::ofstream(path) << "greet:\n  tmies: 2\n";
  const Ran wrong = run(program(), {"greet", "you", "--config", path});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(wrong.err, "error: " + path + ":2: there is no flag tmies\nhint:  did you mean times?\n");
  std::ofstream(path) << "greet:\n  times: 2\n";
  EXPECT_EQ(run(program(), {"greet", "you"}, {{"HEADRACE_CONFIG", path}}).out, "hello you\nhello you\n");
  unlink(path.c_str());
  EXPECT_EQ(run(program(), {"greet", "you", "--config", path}).status, 3);
}

TEST(Program, OutputThatCannotBeWrittenIsAFailure) {
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC)), err(memfd_create("err", MFD_CLOEXEC));
  Terminal terminal({.in = 0, .out = full.get(), .err = err.get()});
  EXPECT_EQ(run_program(program(), {"greet", "you"}, {}, {}, terminal), 1);
}

TEST(Program, CtrlCStopsTheScopeAndGivesItsExitStatus) {
  Program made = program();
  Command waits = greet();
  waits.name = "wait";
  waits.arguments = {};
  waits.run = [](Context& context) -> Outcome {
    kill(getpid(), SIGINT);
    TRY_OK(pause(context.scheduler, context.within(std::chrono::seconds(30)), std::chrono::seconds(20)));
    return {};
  };
  made.commands.push_back(waits);
  const Ran ran = run(made, {"wait"});
  EXPECT_EQ(ran.status, 130);
  EXPECT_EQ(ran.err, "error: ended by a signal\n");
}

TEST(Pages, ManPagesCompletionAndReferenceNameEveryCommandAndFlag) {
  const std::vector<ManPage> pages = man_pages(program());
  ASSERT_EQ(pages.size(), 5u);  // docs is hidden
  EXPECT_EQ(pages[0].file, "headrace.1");
  EXPECT_EQ(pages[1].file, "headrace-greet.1");
  EXPECT_NE(pages[1].text.find("\\-\\-times N"), std::string::npos);
  EXPECT_NE(pages[1].text.find(".TH HEADRACE\\-GREET 1"), std::string::npos);
  for (const std::string_view shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(program(), shell);
    EXPECT_NE(script.find("greet"), std::string::npos) << shell;
    EXPECT_NE(script.find("times"), std::string::npos) << shell;
    EXPECT_EQ(script.find("docs"), std::string::npos) << shell;
  }
  const std::string page = markdown_page(program());
  EXPECT_NE(page.find("## headrace greet"), std::string::npos);
  EXPECT_NE(page.find("`-n, --times N`"), std::string::npos);
  EXPECT_NE(page.find("| 130 |"), std::string::npos);
}

}  // namespace
}  // namespace headrace::cli
