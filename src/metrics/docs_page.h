// SPDX-License-Identifier: Apache-2.0
// docs/metrics.md, made from the catalog. Its test compares it with the file; HEADRACE_UPDATE_PAGES=1 metrics_test
// writes it anew.
#pragma once

#include <string>

namespace headrace::metrics {

/// The whole page, in Markdown.
std::string metrics_page();

}  // namespace headrace::metrics
