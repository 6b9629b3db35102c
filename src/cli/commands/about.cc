// SPDX-License-Identifier: Apache-2.0
// Commands by which the program speaks of itself: help, version, completion, docs.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "cli/commands/commands.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/suggest.h"

namespace headrace::cli {
namespace {

Outcome run_help(Context& context) {
  if (context.options.arguments.empty()) {
    context.terminal.out(list_of_commands(context.program));
    return {};
  }
  const std::string& name = context.options.arguments.front();
  const Command* command = context.program.find(name);
  if (command == nullptr) {
    std::vector<std::string> names;
    for (const Command& known : context.program.commands) names.push_back(known.name);
    const auto near = nearest(name, names);
    return fail(Exit::kUsage, fmt::format("there is no command '{}'", name),
                near ? fmt::format("did you mean headrace help {}?", *near) : "headrace help lists the commands");
  }
  context.terminal.out(help_text(*command));
  return {};
}

Outcome run_version(Context& context) {
  if (context.wants_json()) {
    auto document = new_document("Version");
    document["version"] = context.program.version;
    print_json(context.terminal, document);
  } else {
    context.terminal.out(fmt::format("headrace {}\n", context.program.version));
  }
  return {};
}

Outcome run_completion(Context& context) {
  const std::string& shell = context.options.arguments.front();
  if (shell != "bash" && shell != "zsh" && shell != "fish") {
    return fail(Exit::kUsage, fmt::format("there is completion for bash, zsh and fish, not for '{}'", shell));
  }
  context.terminal.out(completion_script(context.program, shell));
  return {};
}

Result<void> write_page(const std::string& path, const std::string& text) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.is_open()) return errno_error(errno, path);
  return write_all(fd.get(), bytes_of(text));
}

Outcome run_docs(Context& context) {
  const std::string& what = context.options.arguments.front();
  if (what == "markdown") {
    if (context.options.arguments.size() > 1)
      return fail(Exit::kUsage, "docs markdown takes no folder; it writes to stdout");
    context.terminal.out(markdown_page(context.program));
    return {};
  }
  if (what != "man") return fail(Exit::kUsage, fmt::format("docs makes 'man' or 'markdown', not '{}'", what));
  if (context.options.arguments.size() < 2) return fail(Exit::kUsage, "docs man needs a folder to write into");
  const std::string& folder = context.options.arguments[1];
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return fail("cannot make the folder", errno_error(errno, folder));
  for (const ManPage& page : man_pages(context.program)) TRY_OK(write_page(folder + "/" + page.file, page.text));
  return {};
}

}  // namespace

Command help_command() {
  Command command;
  command.name = "help";
  command.summary = "Show all commands, or what one of them does";
  command.arguments = {{"COMMAND", "the command to explain", false}};
  command.run = run_help;
  return command;
}

Command version_command() {
  Command command;
  command.name = "version";
  command.summary = "Show the version of this program";
  command.prints = true;
  command.run = run_version;
  return command;
}

Command completion_command() {
  Command command;
  command.name = "completion";
  command.summary = "Print the completion script of a shell";
  command.arguments = {{"SHELL", "bash, zsh or fish"}};
  command.examples = {{"source <(headrace completion bash)", "complete in this shell"}};
  command.run = run_completion;
  return command;
}

Command docs_command() {
  Command command;
  command.name = "docs";
  command.summary = "Write the man pages or the reference page of the program";
  command.arguments = {{"KIND", "man or markdown"}, {"FOLDER", "where man pages are written", false}};
  command.examples = {{"headrace docs man /usr/local/share/man/man1", "headrace.1, headrace-mount.1 and so on"}};
  command.is_hidden = true;
  command.run = run_docs;
  return command;
}

}  // namespace headrace::cli
