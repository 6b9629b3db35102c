// SPDX-License-Identifier: Apache-2.0
// CLI11 takes the words apart; what they may be is in our tables.
#include "cli/parse.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "cli/suggest.h"

namespace headrace::cli {
namespace {

std::string describe_flag(const Source&, std::string_view name) { return fmt::format("--{}", name); }

std::string see_help(const Command& command) { return fmt::format("headrace help {}", command.name); }

/// CLI11's spelling of one flag: "-d,--background,!--no-background".
std::string spelling(const OptionSpec& spec) {
  std::string names = "--" + spec.name;
  if (spec.letter != 0) names = fmt::format("-{},{}", spec.letter, names);
  if (spec.kind == ValueKind::kSwitch && !spec.name.starts_with("no-")) names += ",!--no-" + spec.name;
  return names;
}

const RefusedOption* refused_by_name(const Command& command, std::string_view flag) {
  for (const RefusedOption& refused : command.refused) {
    if (flag == "--" + refused.name) return &refused;
    if (refused.letter != 0 && flag.size() >= 2 && flag[0] == '-' && flag[1] == refused.letter) return &refused;
  }
  return nullptr;
}

Failure unknown_flag(const Command& command, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  if (const RefusedOption* refused = refused_by_name(command, flag)) {
    return {Exit::kUsage, fmt::format("{} is not supported: {}", flag, refused->reason)};
  }
  std::vector<std::string> known;
  for (const OptionSpec& spec : all_options(command)) known.push_back("--" + spec.name);
  std::string hint = see_help(command);
  if (const auto near = nearest(flag, known)) hint = fmt::format("did you mean {}?", *near);
  return {Exit::kUsage, fmt::format("headrace {} has no flag {}", command.name, flag), hint};
}

struct Bound {
  OptionSpec spec;
  CLI::Option* option = nullptr;
};

std::vector<Bound> bind(CLI::App& app, const Command& command) {
  std::vector<Bound> bound;
  for (const OptionSpec& spec : all_options(command)) {
    CLI::Option* option = nullptr;
    if (spec.kind == ValueKind::kSwitch) {
      option = app.add_flag(spelling(spec));
    } else {
      option = app.add_option(spelling(spec))->expected(1)->allow_extra_args(false);
    }
    option->multi_option_policy(spec.repeats ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
    bound.push_back({spec, option});
  }
  return bound;
}

}  // namespace

std::expected<ParsedLine, Failure> parse_line(const Command& command, const std::vector<std::string>& words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.allow_windows_style_options(false);
  const std::vector<Bound> bound = bind(app, command);
  const CLI::Option* arguments = app.add_option("arguments")->expected(0, 1 << 20)->allow_extra_args();
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ArgumentMismatch& e) {
    // CLI11 begins what it says with the flag.
    const std::string_view said = e.what();
    return std::unexpected<Failure>(
        Failure(Exit::kUsage, fmt::format("{} needs a value", said.substr(0, said.find(':'))), see_help(command)));
  } catch (const CLI::Error& e) {
    return std::unexpected<Failure>(Failure(Exit::kUsage, e.what(), see_help(command)));
  } catch (const std::out_of_range&) {  // --no-NAME=NUMBER, which CLI11 would turn round
    return std::unexpected<Failure>(Failure(
        Exit::kUsage, "a flag that begins with --no- takes true or false, not so large a number", see_help(command)));
  }
  ParsedLine line;
  line.flags = {describe_flag, "command line", {}};
  line.arguments = arguments->results();
  for (const Bound& b : bound) {
    if (b.option->count() == 0) continue;
    if (b.spec.name == "help") line.wants_help = true;
    line.flags.values[b.spec.name] = b.option->results();
  }
  if (line.wants_help) return line;
  for (const std::string& word : app.remaining()) {
    if (word != "--") return std::unexpected<Failure>(unknown_flag(command, word));
  }
  return line;
}

Outcome check_arguments(const Command& command, const std::vector<std::string>& arguments) {
  std::size_t most = 0;
  for (const ArgumentSpec& spec : command.arguments) {
    if (spec.is_required && arguments.size() <= most) {
      return fail(Exit::kUsage, fmt::format("{} is missing: {}", spec.name, spec.text), see_help(command));
    }
    most = spec.repeats ? arguments.size() : most + 1;
  }
  if (arguments.size() > most) {
    return fail(Exit::kUsage, fmt::format("headrace {} does not take '{}'", command.name, arguments[most]),
                see_help(command));
  }
  return {};
}

}  // namespace headrace::cli
