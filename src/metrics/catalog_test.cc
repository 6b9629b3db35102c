// SPDX-License-Identifier: Apache-2.0
#include "metrics/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace headrace::metrics {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == text.npos && text.find("__") == text.npos &&
         text.back() != '_';
}

bool is_ours(const MetricSpec& spec) { return spec.name.starts_with("headrace_"); }

TEST(Catalog, NamesAreUniqueAndNoneIsTheSampleOfAnother) {
  std::set<std::string> names;
  for (const MetricSpec& spec : kCatalog) {
    const std::string name(spec.name);
    EXPECT_TRUE(names.insert(name).second) << name;
    if (spec.kind != Kind::kHistogram) continue;
    for (const char* suffix : {"_bucket", "_sum", "_count", "_total"})
      EXPECT_TRUE(names.insert(name + suffix).second) << name << suffix;
  }
}

TEST(Catalog, EachIsOursOrJuiceFssAndSaysInASentenceWhatItCounts) {
  for (const MetricSpec& spec : kCatalog) {
    EXPECT_TRUE(is_ours(spec) || spec.name.starts_with("juicefs_")) << spec.name;
    EXPECT_TRUE(is_name(spec.name)) << spec.name;
    EXPECT_TRUE(spec.help.ends_with('.')) << spec.name;
    EXPECT_GE(spec.help.size(), 15u) << spec.name;
    EXPECT_EQ(spec.help.find('\n'), spec.help.npos) << spec.name;
  }
}

TEST(Catalog, OurNamesEndAsTheRulesOfPrometheusSay) {
  for (const MetricSpec& spec : kCatalog) {
    if (!is_ours(spec)) continue;
    EXPECT_EQ(spec.name.ends_with("_total"), spec.kind == Kind::kCounter) << spec.name;
    const std::string_view base = spec.name.substr(0, spec.name.size() - (spec.kind == Kind::kCounter ? 6 : 0));
    EXPECT_EQ(base.ends_with("_bytes"), spec.unit == Unit::kBytes) << spec.name;
    EXPECT_EQ(base.ends_with("_seconds"), spec.unit == Unit::kSeconds) << spec.name;
  }
}

TEST(Catalog, LabelsAreNamesOfTheirOwn) {
  for (const MetricSpec& spec : kCatalog) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < spec.labels.size(); ++i) {
      if (i >= spec.label_count()) {
        EXPECT_TRUE(spec.labels[i].empty()) << spec.name;
        continue;
      }
      EXPECT_TRUE(is_name(spec.labels[i])) << spec.name;
      EXPECT_TRUE(seen.insert(spec.labels[i]).second) << spec.name;
      for (const char* taken : {"le", "vol_name", "mp", "instance", "job", "path", "inode", "key"})
        EXPECT_NE(spec.labels[i], taken) << spec.name;
    }
  }
}

TEST(Catalog, BucketsGrowAndCoverWhatTheyShould) {
  for (const Unit unit : {Unit::kCount, Unit::kSeconds, Unit::kBytes}) {
    const std::span<const double> bounds = bounds_of(unit);
    ASSERT_FALSE(bounds.empty());
    EXPECT_TRUE(std::ranges::is_sorted(bounds, std::less_equal<>()));
  }
  EXPECT_EQ(bounds_of(Unit::kSeconds).front(), 50e-6);
  EXPECT_EQ(bounds_of(Unit::kSeconds).back(), 60);
  EXPECT_EQ(bounds_of(Unit::kBytes).front(), 4096);
  EXPECT_EQ(bounds_of(Unit::kBytes).back(), 64 << 20);
}

TEST(Catalog, ANameFindsItsLine) {
  constexpr CounterSpec kOps = "juicefs_fuse_ops_total";
  EXPECT_EQ(kOps->name, "juicefs_fuse_ops_total");
  EXPECT_EQ(kOps->label_count(), 1u);
}

}  // namespace
}  // namespace headrace::metrics
