// SPDX-License-Identifier: Apache-2.0
// Lines of "key: value", and one level of sections.
#include "cli/config_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kFileBytesMax = 1u << 20;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool is_key(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

/// A scalar: plain up to " #", or in quotes without escapes.
Result<std::string> scalar(std::string_view text) {
  if (text.front() == '"' || text.front() == '\'') {
    const std::size_t close = text.find(text.front(), 1);
    if (close == std::string_view::npos) return Error(Code::kInvalid, "a quote that is not closed");
    const std::string_view inside = text.substr(1, close - 1);
    const std::string_view after = trimmed(text.substr(close + 1));
    if (!after.empty() && after.front() != '#') return Error(Code::kInvalid, "text behind a closed quote");
    if (inside.find('\\') != std::string_view::npos) return Error(Code::kInvalid, "backslashes in quotes are not read");
    return std::string(inside);
  }
  if (std::string_view("[{&*!|>%@`").find(text.front()) != std::string_view::npos) {
    return Error(Code::kInvalid, fmt::format("a value may not begin with '{}'; put it in quotes", text.front()));
  }
  const std::size_t comment = text.find(" #");
  return std::string(trimmed(text.substr(0, comment)));
}

/// Reads line by line into a file.
class Parser {
 public:
  explicit Parser(std::string path) { file_.path = std::move(path); }

  Result<void> line(std::string_view text) {
    ++number_;
    const std::string_view content = trimmed(text);
    if (content.empty() || content.front() == '#' || content == "---") return {};
    if (text.find('\t') < text.find_first_not_of(" \t")) return wrong("a tab; indent with spaces");
    const bool is_inside = text.front() == ' ';
    const std::size_t colon = content.find(':');
    const std::string_view key = trimmed(content.substr(0, colon));
    if (colon == std::string_view::npos || !is_key(key)) return wrong("not of the form 'flag: value'");
    if (colon + 1 < content.size() && content[colon + 1] != ' ') return wrong("a space is missing behind ':'");
    const std::string_view rest = trimmed(content.substr(colon + 1));
    if (rest.empty() || rest.front() == '#') return open_section(is_inside, key);
    const Result<std::string> value = scalar(rest);
    if (!value) return wrong(value.error().text());
    if (!is_inside) section_.clear();
    if (is_inside && section_.empty()) return wrong("indented, but below no command");
    auto& values = is_inside ? file_.by_command[section_] : file_.common;
    if (!values.emplace(std::string(key), ConfigValue{*value, number_}).second) {
      return wrong(fmt::format("{} stands here twice", key));
    }
    return {};
  }

  ConfigFile take() { return std::move(file_); }

 private:
  Result<void> open_section(bool is_inside, std::string_view key) {
    if (is_inside) return wrong(fmt::format("{} has no value", key));
    section_ = key;
    if (!file_.by_command.emplace(section_, std::map<std::string, ConfigValue, std::less<>>()).second) {
      return wrong(fmt::format("{} stands here twice", key));
    }
    return {};
  }
  Result<void> wrong(std::string_view what) const {
    return Error(Code::kInvalid, fmt::format("{}:{}: {}", file_.path, number_, what));
  }

  ConfigFile file_;
  std::string section_;
  int number_ = 0;
};

std::string describe_file(const Source& source, std::string_view name) {
  return fmt::format("{}: {}", source.place, name);
}

}  // namespace

Result<ConfigFile> parse_config(std::string path, std::string_view text) {
  Parser parser(std::move(path));
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    TRY_OK(parser.line(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return parser.take();
}

Result<ConfigFile> read_config(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return errno_error(errno, path);
  std::string text(kFileBytesMax + 1, '\0');
  const Result<std::size_t> got = pread_full(fd.get(), std::as_writable_bytes(std::span(text)), 0);
  if (!got) return Error(got.code(), path + ": " + got.error().text());
  if (*got > kFileBytesMax) return Error(Code::kInvalid, path + ": larger than 1 MiB");
  return parse_config(path, std::string_view(text).substr(0, *got));
}

Result<Source> config_source(const ConfigFile& file, std::string_view command, const std::vector<OptionSpec>& specs) {
  Source source{describe_file, file.path, {}};
  const auto section = file.by_command.find(command);
  for (const OptionSpec& spec : specs) {
    const ConfigValue* value = nullptr;
    // A value for all commands is not meant for one that changes a volume by it; a switch such as `yes` is meant for
    // nobody else.
    const bool is_for_others = spec.only_flag && spec.kind != ValueKind::kSwitch;
    if (const auto common = file.common.find(spec.name); common != file.common.end() && !is_for_others)
      value = &common->second;
    if (section != file.by_command.end()) {
      if (const auto own = section->second.find(spec.name); own != section->second.end()) value = &own->second;
    }
    if (value == nullptr) continue;
    if (spec.only_flag) {
      return Error(Code::kInvalid,
                   fmt::format("{}:{}: {} is only taken on the command line", file.path, value->line, spec.name));
    }
    source.values[spec.name] = {value->text};
  }
  return source;
}

std::vector<std::string> config_paths(const Environment& environment) {
  std::vector<std::string> paths;
  const auto xdg = environment.find("XDG_CONFIG_HOME");
  const auto home = environment.find("HOME");
  if (xdg != environment.end() && xdg->second.starts_with('/')) {
    paths.push_back(xdg->second + "/headrace/config.yaml");
  } else if (home != environment.end() && home->second.starts_with('/')) {
    paths.push_back(home->second + "/.config/headrace/config.yaml");
  }
  paths.emplace_back("/etc/headrace/config.yaml");
  return paths;
}

}  // namespace headrace::cli
