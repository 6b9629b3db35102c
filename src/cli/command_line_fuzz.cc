// SPDX-License-Identifier: Apache-2.0
// Any words, variables and configuration file: what a command is called with is understood or refused with a sentence,
// and what is understood keeps the bounds that the table of flags sets.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "cli/config_file.h"
#include "cli/parse.h"
#include "cli/stats_frame.h"

using namespace headrace;
using namespace headrace::cli;

namespace {

Command command_of_every_kind() {
  Command command;
  command.name = "mount";
  command.arguments = {{.name = "META-URL", .text = ""},
                       {.name = "PATH", .text = "", .is_required = false, .repeats = true}};
  command.options = {
      {.name = "background", .letter = 'd'},
      {.name = "cache-size",
       .kind = ValueKind::kSize,
       .value_name = "SIZE",
       .fallback = "1GiB",
       .least = 64u << 20,
       .zero_is_off = true},
      {.name = "capacity", .kind = ValueKind::kSize, .value_name = "SIZE", .fallback = "0", .bare_unit = 1u << 30},
      {.name = "threads",
       .letter = 'p',
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .fallback = "8",
       .least = 1,
       .most = 1000},
      {.name = "attr-cache",
       .kind = ValueKind::kDuration,
       .value_name = "TIME",
       .fallback = "1s",
       .most = 3'600'000'000'000u},
      {.name = "storage",
       .kind = ValueKind::kChoice,
       .value_name = "KIND",
       .fallback = "file",
       .choices = {"file", "s3"}},
      {.name = "fuse-option", .letter = 'o', .kind = ValueKind::kText, .value_name = "OPTION", .repeats = true},
      {.name = "yes", .only_flag = true},
  };
  command.refused = {{.name = "cache-dir", .reason = "the cache is in memory; use --cache-size"}};
  return command;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void resolve(const std::vector<OptionSpec>& specs, const std::vector<Source>& sources) {
  const Result<Options> options = Options::resolve(specs, sources);
  if (!options) {
    CHECK(options.code() == Code::kInvalid && !options.error().message.empty());
    return;
  }
  CHECK(options->size("cache-size") == 0 || options->size("cache-size") >= 64u << 20);
  CHECK(options->number("threads") >= 1 && options->number("threads") <= 1000);
  CHECK(options->duration("attr-cache").count() >= 0 && options->duration("attr-cache") <= std::chrono::hours(1));
  CHECK(options->text("storage") == "file" || options->text("storage") == "s3");
}

void check_words(const Command& command, std::string_view text) {
  const auto line = parse_line(command, lines_of(text));
  if (!line) {
    CHECK(line.error().exit == Exit::kUsage && !line.error().what.empty());
    return;
  }
  if (line->wants_help) return;
  (void)check_arguments(command, line->arguments);
  resolve(all_options(command), {line->flags});
}

void check_file(const Command& command, std::string_view text) {
  const Result<ConfigFile> file = parse_config("f.yaml", text);
  if (!file) {
    CHECK(file.code() == Code::kInvalid && file.error().message.starts_with("f.yaml:"));
    return;
  }
  const std::vector<OptionSpec> specs = all_options(command);
  const Result<Source> source = config_source(*file, command.name, specs);
  if (source) resolve(specs, {*source});
}

void check_stats(std::string_view text) {
  const StatsFrame frame = parse_stats(text);
  for (const double value : stats_values(frame, frame, 1)) CHECK(!std::isnan(value));
  const std::string line = stats_line(stats_values({}, frame, 0.5));
  CHECK(line.find('\n') == std::string::npos || line.find('\n') == line.size() - 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Command command = command_of_every_kind();
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0: check_words(command, text); break;
    case 1: check_file(command, text); break;
    case 2: check_stats(text); break;
    default: {
      Environment environment;
      for (const std::string& line : lines_of(text))
        environment[line.substr(0, line.find('='))] = line.substr(std::min(line.find('=') + 1, line.size()));
      resolve(all_options(command), {environment_source(environment, all_options(command))});
    }
  }
  return 0;
}
