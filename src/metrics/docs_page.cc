// SPDX-License-Identifier: Apache-2.0
// The catalog as tables for people.
#include "metrics/docs_page.h"

#include <fmt/format.h>

#include "metrics/catalog.h"

namespace headrace::metrics {
namespace {

constexpr std::string_view kHead = R"(# Metrics

*Made from `src/metrics/catalog.h`; change it there.*

A process that serves metrics answers `GET /metrics` with the Prometheus text format 0.0.4, or with OpenMetrics 1.0.0 where the
request prefers it. The same numbers stand in the `.stats` file of a mount, one `name value` line each: values of labels are
appended to the name with `_`, and a histogram gives `NAME_total` and `NAME_sum`. Every metric of a mount also has the labels
`vol_name` and `mp`. A metric appears once the part that counts it runs.

Names that start with `juicefs_` count the same things as in JuiceFS, so that its dashboards work; they are older than today's
naming rules. In OpenMetrics, counters among them whose name does not end in `_total` have the type `unknown`, so that names are the
same in both formats.
)";

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kCounter: return "counter";
    case Kind::kGauge: return "gauge";
    case Kind::kHistogram: return "histogram";
  }
  return "";
}

std::string_view name_of(Unit unit) {
  switch (unit) {
    case Unit::kCount: return "";
    case Unit::kSeconds: return "seconds";
    case Unit::kBytes: return "bytes";
  }
  return "";
}

std::string labels_of(const MetricSpec& spec) {
  std::string out;
  for (std::size_t i = 0; i < spec.label_count(); ++i) out += fmt::format("{}`{}`", i > 0 ? ", " : "", spec.labels[i]);
  return out;
}

std::string table_of(std::string_view prefix) {
  std::string out = "\n| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
  for (const MetricSpec& spec : kCatalog) {
    if (!spec.name.starts_with(prefix)) continue;
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", spec.name, name_of(spec.kind), name_of(spec.unit),
                       labels_of(spec), spec.help);
  }
  return out;
}

std::string bounds_row(std::string_view what, Unit unit) {
  std::string out = fmt::format("| {} |", what);
  for (const double bound : bounds_of(unit)) out += fmt::format(" {}", bound);
  return out + " |\n";
}

}  // namespace

std::string metrics_page() {
  std::string page(kHead);
  page += "\n## Headrace's own\n" + table_of("headrace_");
  page += "\n## JuiceFS's names\n" + table_of("juicefs_");
  page += "\n## Buckets\n\nHistograms of one unit have the same upper bounds.\n\n| unit | bounds |\n|---|---|\n";
  page +=
      bounds_row("seconds", Unit::kSeconds) + bounds_row("bytes", Unit::kBytes) + bounds_row("counts", Unit::kCount);
  return page;
}

}  // namespace headrace::metrics
