// SPDX-License-Identifier: Apache-2.0
// The program: secrets first, then the command that was asked for.
#include <unistd.h>

#include <span>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "cli/secrets.h"
#include "cli/terminal.h"

namespace {

headrace::cli::Environment environment_of(char** entries) {
  headrace::cli::Environment environment;
  for (char** entry = entries; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

bool may_colour(const headrace::cli::Environment& environment) {
  const auto no_color = environment.find("NO_COLOR");
  const auto term = environment.find("TERM");
  return (no_color == environment.end() || no_color->second.empty()) &&
         (term == environment.end() || term->second != "dumb");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace headrace;
  const cli::Secrets secrets = cli::take_secrets(environ);
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  const std::vector<std::string> arguments(words.begin() + (argc > 0 ? 1 : 0), words.end());
  const int wiped = cli::wipe_passwords(words);
  const cli::Environment environment = environment_of(environ);
  cli::Terminal terminal({}, may_colour(environment));
  if (wiped > 0) {
    terminal.err(
        "warning: a password on the command line can be seen by others while the program starts; set META_PASSWORD "
        "instead\n");
  }
  return cli::run_program(apps::headrace_program(), arguments, environment, secrets, terminal);
}
