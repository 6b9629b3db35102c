// SPDX-License-Identifier: Apache-2.0
// One pass over the flags: the first source that names one decides, then its value is checked by its kind.
#include "cli/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/check.h"
#include "base/uri.h"

namespace headrace::cli {
namespace {

Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return Error(Code::kInvalid, fmt::format("a whole number, got {}", text.empty() ? "nothing" : text));
  }
  return value;
}

Result<std::uint64_t> parse_switch(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (lower == yes) return 1;
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (lower == no) return 0;
  }
  return Error(Code::kInvalid, fmt::format("true or false, got {}", text));
}

Result<std::uint64_t> check_choice(const OptionSpec& spec, std::string_view text) {
  if (std::ranges::find(spec.choices, text) != spec.choices.end()) return 0;
  return Error(Code::kInvalid, fmt::format("one of {}; got {}", fmt::join(spec.choices, ", "), text));
}

Result<std::uint64_t> parse_value(const OptionSpec& spec, const std::string& text) {
  switch (spec.kind) {
    case ValueKind::kSwitch: return parse_switch(text);
    case ValueKind::kSize: return parse_size(text, spec.bare_unit);
    case ValueKind::kNumber: return parse_number(text);
    case ValueKind::kDuration: {
      TRY(const Duration length, parse_duration(text));
      return static_cast<std::uint64_t>(length.count());
    }
    case ValueKind::kChoice: return check_choice(spec, text);
    case ValueKind::kText: break;
  }
  return 0;
}

std::string bound_text(const OptionSpec& spec, std::uint64_t bound) {
  if (spec.kind == ValueKind::kSize) return format_size(bound);
  if (spec.kind == ValueKind::kDuration) return format_duration(Duration(static_cast<std::int64_t>(bound)));
  return std::to_string(bound);
}

Result<void> check_bounds(const OptionSpec& spec, const std::string& text, std::uint64_t value) {
  if (spec.zero_is_off && value == 0) return {};
  if (spec.least && value < *spec.least) {
    const std::string_view or_off = spec.zero_is_off ? ", or 0 for none" : "";
    return Error(Code::kInvalid, fmt::format("at least {}{}, got {}", bound_text(spec, *spec.least), or_off, text));
  }
  if (spec.most && value > *spec.most) {
    return Error(Code::kInvalid, fmt::format("at most {}, got {}", bound_text(spec, *spec.most), text));
  }
  return {};
}

const Source* source_of(const std::vector<Source>& sources, const OptionSpec& spec) {
  for (const Source& source : sources) {
    if (source.values.contains(spec.name)) return &source;
  }
  return nullptr;
}

std::string describe_variable(const Source&, std::string_view name) { return variable_of(name); }

}  // namespace

std::string variable_of(std::string_view option_name) {
  std::string out = "HEADRACE_";
  for (const char c : option_name) {
    out.push_back(c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return out;
}

Result<Options> Options::resolve(const std::vector<OptionSpec>& specs, const std::vector<Source>& sources) {
  Options options;
  for (const OptionSpec& spec : specs) {
    Value value;
    value.kind = spec.kind;
    const Source* source = source_of(sources, spec);
    value.is_set = source != nullptr;
    if (source != nullptr) {
      value.texts = source->values.find(spec.name)->second;
      if (!spec.repeats && value.texts.size() > 1) value.texts = {value.texts.back()};
    } else if (!spec.fallback.empty()) {
      value.texts = {spec.fallback};
    }
    for (const std::string& text : value.texts) {
      Result<std::uint64_t> parsed = parse_value(spec, text);
      if (parsed && spec.kind != ValueKind::kText) {
        if (const Result<void> bounds = check_bounds(spec, text, *parsed); !bounds) parsed = bounds.error();
      }
      if (!parsed) {
        CHECK(source != nullptr);  // a default that does not pass its own check
        return Error(Code::kInvalid, source->describe(*source, spec.name) + ": " + parsed.error().text());
      }
      value.number = *parsed;
    }
    options.values_.emplace(spec.name, std::move(value));
  }
  return options;
}

const Options::Value& Options::at(std::string_view name, ValueKind kind) const {
  const auto found = values_.find(name);
  CHECK(found != values_.end());
  CHECK(found->second.kind == kind || (kind == ValueKind::kText && found->second.kind == ValueKind::kChoice));
  return found->second;
}

bool Options::is_set(std::string_view name) const {
  const auto found = values_.find(name);
  CHECK(found != values_.end());
  return found->second.is_set;
}

bool Options::on(std::string_view name) const { return at(name, ValueKind::kSwitch).number != 0; }

const std::string& Options::text(std::string_view name) const {
  static const std::string kNothing;
  const Value& value = at(name, ValueKind::kText);
  return value.texts.empty() ? kNothing : value.texts.back();
}

std::uint64_t Options::size(std::string_view name) const { return at(name, ValueKind::kSize).number; }
std::uint64_t Options::number(std::string_view name) const { return at(name, ValueKind::kNumber).number; }
Duration Options::duration(std::string_view name) const {
  return Duration(static_cast<std::int64_t>(at(name, ValueKind::kDuration).number));
}
const std::vector<std::string>& Options::list(std::string_view name) const { return at(name, ValueKind::kText).texts; }

Source environment_source(const Environment& environment, const std::vector<OptionSpec>& specs) {
  Source source{describe_variable, "environment", {}};
  for (const OptionSpec& spec : specs) {
    if (spec.only_flag) continue;
    const auto found = environment.find(variable_of(spec.name));
    if (found != environment.end()) source.values[spec.name] = {found->second};
  }
  return source;
}

}  // namespace headrace::cli
