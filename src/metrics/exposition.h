// SPDX-License-Identifier: Apache-2.0
// The registry as text: for Prometheus (text format 0.0.4, or OpenMetrics 1.0.0 when asked for), and for the `.stats`
// file of a mount (juicefs-volume-format, section 8.1).
#pragma once

#include <string>
#include <string_view>

#include "metrics/registry.h"

namespace headrace::metrics {

enum class TextFormat { kPrometheus, kOpenMetrics };

/// The format to answer with, from a request's Accept header (empty: none was sent). OpenMetrics only where it is
/// preferred.
TextFormat format_for(std::string_view accept);
/// The value of the Content-Type header.
std::string_view content_type_of(TextFormat format);

/// All metrics. In OpenMetrics a counter whose name does not end in _total (those of JuiceFS) is of type "unknown", so
/// that its name is the same in both formats.
std::string metrics_text(const Registry& registry, TextFormat format);

/// "name value" lines: values of labels are appended to the name with '_', a histogram gives NAME_total and NAME_sum;
/// constant labels do not appear.
std::string stats_text(const Registry& registry);

}  // namespace headrace::metrics
