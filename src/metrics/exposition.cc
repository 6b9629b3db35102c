// SPDX-License-Identifier: Apache-2.0
// https://prometheus.io/docs/instrumenting/exposition_formats/ and the OpenMetrics 1.0.0 specification.
#include "metrics/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace headrace::metrics {
namespace {

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == std::trunc(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

/// As OpenMetrics wants bounds: always a floating-point number.
std::string bound_text(double bound, TextFormat format) {
  std::string text = number(bound);
  if (format == TextFormat::kOpenMetrics && text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

std::string escaped(std::string_view text, bool quotes_too) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes_too) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

/// name="value",... of a sample, without braces.
std::string labels_of(const Registry& registry, const MetricSpec& spec, const Sample& sample) {
  std::string out;
  const auto append = [&](std::string_view name, std::string_view value) {
    if (!out.empty()) out += ',';
    out.append(name).append("=\"").append(escaped(value, true)).append("\"");
  };
  for (const auto& [name, value] : registry.constant_labels()) append(name, value);
  for (std::size_t i = 0; i < sample.label_values.size(); ++i) append(spec.labels[i], sample.label_values[i]);
  return out;
}

void append_line(std::string& out, std::string_view name, std::string_view labels, std::string_view value) {
  out += name;
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

void append_histogram(std::string& out, const MetricSpec& spec, const std::string& labels,
                      const HistogramCounts& counts, TextFormat format) {
  const std::string name(spec.name);
  const std::string before = labels.empty() ? "" : labels + ",";
  const std::span<const double> bounds = bounds_of(spec.unit);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts.buckets.size(); ++i) {
    below += counts.buckets[i];
    const std::string bound = i < bounds.size() ? bound_text(bounds[i], format) : "+Inf";
    append_line(out, name + "_bucket", before + "le=\"" + bound + "\"", std::to_string(below));
  }
  append_line(out, name + "_sum", labels, number(counts.sum));
  append_line(out, name + "_count", labels, std::to_string(below));
}

std::string_view type_of(const MetricSpec& spec, TextFormat format) {
  switch (spec.kind) {
    case Kind::kGauge: return "gauge";
    case Kind::kHistogram: return "histogram";
    case Kind::kCounter: break;
  }
  return format == TextFormat::kOpenMetrics && !spec.name.ends_with("_total") ? "unknown" : "counter";
}

void append_head(std::string& out, const MetricSpec& spec, TextFormat format) {
  std::string_view name = spec.name;
  const std::string_view type = type_of(spec, format);
  const bool is_open = format == TextFormat::kOpenMetrics;
  if (is_open && type == "counter") name.remove_suffix(std::string_view("_total").size());
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(spec.help, is_open), name, type);
  if (!is_open) return;
  if (spec.unit == Unit::kSeconds && name.ends_with("_seconds")) out += fmt::format("# UNIT {} seconds\n", name);
  if (spec.unit == Unit::kBytes && name.ends_with("_bytes")) out += fmt::format("# UNIT {} bytes\n", name);
}

/// The q of one element of an Accept header such as "text/plain;version=0.0.4;q=0.5".
double quality_of(std::string_view element) {
  const std::size_t at = element.find("q=");
  if (at == element.npos) return 1;
  double quality = 0;
  const std::string_view digits = element.substr(at + 2);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), quality);
  return error == std::errc() ? quality : 0;
}

}  // namespace

TextFormat format_for(std::string_view accept) {
  double open = 0, plain = 0;
  while (!accept.empty()) {
    std::string_view element = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(accept.size(), element.size() + 1));
    element.remove_prefix(std::min(element.find_first_not_of(' '), element.size()));
    const double quality = quality_of(element);
    const bool is_version_1 = element.contains("version=1.") || !element.contains("version=");
    if (element.starts_with("application/openmetrics-text") && is_version_1) open = std::max(open, quality);
    if (element.starts_with("text/plain") || element.starts_with("text/*")) plain = std::max(plain, quality);
  }
  return open > 0 && open >= plain ? TextFormat::kOpenMetrics : TextFormat::kPrometheus;
}

std::string_view content_type_of(TextFormat format) {
  return format == TextFormat::kOpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                            : "text/plain; version=0.0.4; charset=utf-8";
}

std::string metrics_text(const Registry& registry, TextFormat format) {
  std::string out;
  for (const Family& family : registry.collect()) {
    append_head(out, *family.spec, format);
    for (const Sample& sample : family.samples) {
      const std::string labels = labels_of(registry, *family.spec, sample);
      if (family.spec->kind == Kind::kHistogram) {
        append_histogram(out, *family.spec, labels, sample.histogram, format);
      } else {
        append_line(out, family.spec->name, labels, number(sample.value));
      }
    }
  }
  if (format == TextFormat::kOpenMetrics) out += "# EOF\n";
  return out;
}

std::string stats_text(const Registry& registry) {
  std::string out;
  for (const Family& family : registry.collect()) {
    for (const Sample& sample : family.samples) {
      std::string name(family.spec->name);
      for (const std::string& value : sample.label_values) name.append("_").append(value);
      if (family.spec->kind == Kind::kHistogram) {
        append_line(out, name + "_total", {}, std::to_string(sample.histogram.count()));
        append_line(out, name + "_sum", {}, number(sample.histogram.sum));
      } else {
        append_line(out, name, {}, number(sample.value));
      }
    }
  }
  return out;
}

}  // namespace headrace::metrics
