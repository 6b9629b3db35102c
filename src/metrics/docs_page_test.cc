// SPDX-License-Identifier: Apache-2.0
#include "metrics/docs_page.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "metrics/catalog.h"

namespace headrace::metrics {
namespace {

std::filesystem::path page_path() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "docs" / "metrics.md";
}

TEST(DocsPage, IsWhatTheCatalogSays) {
  if (std::getenv("HEADRACE_UPDATE_PAGES") != nullptr) std::ofstream(page_path()) << metrics_page();
  std::ifstream file(page_path());
  ASSERT_TRUE(file.is_open()) << page_path();
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), metrics_page()) << "HEADRACE_UPDATE_PAGES=1 metrics_test writes it anew";
}

TEST(DocsPage, NamesEveryMetricOnce) {
  const std::string page = metrics_page();
  for (const MetricSpec& spec : kCatalog) {
    const std::string cell = "| `" + std::string(spec.name) + "` |";
    const std::size_t at = page.find(cell);
    ASSERT_NE(at, page.npos) << spec.name;
    EXPECT_EQ(page.find(cell, at + 1), page.npos) << spec.name;
  }
}

}  // namespace
}  // namespace headrace::metrics
