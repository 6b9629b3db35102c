// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.h"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>

#include "base/rng.h"

namespace headrace::metrics {
namespace {

class ExpositionTest : public testing::Test {
 protected:
  ExpositionTest() {
    registry_.counter("juicefs_fuse_ops_total", "read").add(3);
    registry_.counter("juicefs_blockcache_hits").add(7);
    registry_.gauge("juicefs_memory").set(1 << 20);
  }
  Registry registry_{{{"vol_name", "data"}, {"mp", "/mnt/\"a\"\\b\n"}}};
};

TEST_F(ExpositionTest, PrometheusTextIsOfVersion004) {
  EXPECT_EQ(metrics_text(registry_, TextFormat::kPrometheus),
            R"(# HELP juicefs_fuse_ops_total Requests of the kernel.
# TYPE juicefs_fuse_ops_total counter
juicefs_fuse_ops_total{vol_name="data",mp="/mnt/\"a\"\\b\n",method="read"} 3
# HELP juicefs_blockcache_hits Reads of a block that this node answered.
# TYPE juicefs_blockcache_hits counter
juicefs_blockcache_hits{vol_name="data",mp="/mnt/\"a\"\\b\n"} 7
# HELP juicefs_memory Resident memory of this process.
# TYPE juicefs_memory gauge
juicefs_memory{vol_name="data",mp="/mnt/\"a\"\\b\n"} 1048576
)");
}

TEST_F(ExpositionTest, OpenMetricsKeepsTheNamesOfSamplesAndEnds) {
  EXPECT_EQ(metrics_text(registry_, TextFormat::kOpenMetrics),
            R"(# HELP juicefs_fuse_ops Requests of the kernel.
# TYPE juicefs_fuse_ops counter
juicefs_fuse_ops_total{vol_name="data",mp="/mnt/\"a\"\\b\n",method="read"} 3
# HELP juicefs_blockcache_hits Reads of a block that this node answered.
# TYPE juicefs_blockcache_hits unknown
juicefs_blockcache_hits{vol_name="data",mp="/mnt/\"a\"\\b\n"} 7
# HELP juicefs_memory Resident memory of this process.
# TYPE juicefs_memory gauge
juicefs_memory{vol_name="data",mp="/mnt/\"a\"\\b\n"} 1048576
# EOF
)");
}

TEST(Exposition, AHistogramAddsUpFromBucketToBucket) {
  Registry registry;
  Histogram& histogram = registry.histogram("juicefs_fuse_read_size_bytes");
  histogram.observe(1);
  histogram.observe(5000);
  histogram.observe(100 << 20);
  EXPECT_EQ(metrics_text(registry, TextFormat::kPrometheus),
            R"(# HELP juicefs_fuse_read_size_bytes Bytes that one read returned. Reads by passthrough are not seen.
# TYPE juicefs_fuse_read_size_bytes histogram
juicefs_fuse_read_size_bytes_bucket{le="4096"} 1
juicefs_fuse_read_size_bytes_bucket{le="16384"} 2
juicefs_fuse_read_size_bytes_bucket{le="65536"} 2
juicefs_fuse_read_size_bytes_bucket{le="262144"} 2
juicefs_fuse_read_size_bytes_bucket{le="1048576"} 2
juicefs_fuse_read_size_bytes_bucket{le="4194304"} 2
juicefs_fuse_read_size_bytes_bucket{le="16777216"} 2
juicefs_fuse_read_size_bytes_bucket{le="67108864"} 2
juicefs_fuse_read_size_bytes_bucket{le="+Inf"} 3
juicefs_fuse_read_size_bytes_sum 104862601
juicefs_fuse_read_size_bytes_count 3
)");
}

TEST(Exposition, OpenMetricsNamesUnitsAndWritesBoundsAsFloats) {
  Registry registry;
  registry.histogram("juicefs_object_request_durations_histogram_seconds", "GET").observe(0.3);
  const std::string text = metrics_text(registry, TextFormat::kOpenMetrics);
  EXPECT_NE(text.find("# UNIT juicefs_object_request_durations_histogram_seconds seconds\n"), text.npos) << text;
  for (const char* line : {"_bucket{method=\"GET\",le=\"5e-05\"} 0\n", "_bucket{method=\"GET\",le=\"0.25\"} 0\n",
                           "_bucket{method=\"GET\",le=\"0.5\"} 1\n", "_bucket{method=\"GET\",le=\"1.0\"} 1\n",
                           "_bucket{method=\"GET\",le=\"60.0\"} 1\n", "_bucket{method=\"GET\",le=\"+Inf\"} 1\n",
                           "_sum{method=\"GET\"} 0.3\n", "_count{method=\"GET\"} 1\n"}) {
    EXPECT_NE(text.find(line), text.npos) << line << text;
  }
}

TEST(Exposition, ANumberThatCannotBeReadIsNotANumber) {
  Registry registry;
  const Reading nan = registry.gauge_from("juicefs_uptime", [] { return std::nan(""); });
  const Reading large = registry.gauge_from("juicefs_used_space", [] { return 1e18; });
  const Reading minus = registry.gauge_from("juicefs_used_inodes", [] { return -0.25; });
  const std::string text = metrics_text(registry, TextFormat::kPrometheus);
  EXPECT_NE(text.find("juicefs_uptime NaN\n"), text.npos) << text;
  EXPECT_NE(text.find("juicefs_used_space 1e+18\n"), text.npos) << text;
  EXPECT_NE(text.find("juicefs_used_inodes -0.25\n"), text.npos) << text;
}

TEST(Exposition, StatsLinesAreThoseThatJuiceFsToolsRead) {
  Registry registry({{"vol_name", "data"}});
  registry.counter("juicefs_fuse_ops_total", "read").add(3);
  registry.counter("juicefs_fuse_ops_io_errors", "EIO").add(1);
  registry.histogram("juicefs_object_request_durations_histogram_seconds", "GET").observe(1.5);
  registry.histogram("juicefs_fuse_ops_durations_histogram_seconds").observe(0.5);
  registry.counter("headrace_fuse_opens_total", "pass").add(2);
  EXPECT_EQ(stats_text(registry),
            "juicefs_fuse_ops_durations_histogram_seconds_total 1\n"
            "juicefs_fuse_ops_durations_histogram_seconds_sum 0.5\n"
            "juicefs_fuse_ops_total_read 3\n"
            "juicefs_fuse_ops_io_errors_EIO 1\n"
            "headrace_fuse_opens_total_pass 2\n"
            "juicefs_object_request_durations_histogram_seconds_GET_total 1\n"
            "juicefs_object_request_durations_histogram_seconds_GET_sum 1.5\n");
}

TEST(Exposition, AnEmptyRegistryIsAnEmptyPage) {
  const Registry registry;
  EXPECT_EQ(metrics_text(registry, TextFormat::kPrometheus), "");
  EXPECT_EQ(metrics_text(registry, TextFormat::kOpenMetrics), "# EOF\n");
  EXPECT_EQ(stats_text(registry), "");
}

TEST(Exposition, TheFormatIsTheOneThatIsPreferred) {
  struct Row {
    const char* accept;
    TextFormat format;
  };
  for (const Row& row :
       std::initializer_list<Row>{{"", TextFormat::kPrometheus},
                                  {"*/*", TextFormat::kPrometheus},
                                  {"text/html,application/xhtml+xml,*/*;q=0.8", TextFormat::kPrometheus},
                                  {"text/plain;version=0.0.4", TextFormat::kPrometheus},
                                  {"application/openmetrics-text", TextFormat::kOpenMetrics},
                                  {"application/openmetrics-text;version=1.0.0,application/"
                                   "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                                   TextFormat::kOpenMetrics},
                                  {"application/openmetrics-text;version=0.0.1", TextFormat::kPrometheus},
                                  {"application/openmetrics-text;version=2.0.0", TextFormat::kPrometheus},
                                  {"application/openmetrics-text;q=0.1, text/plain;q=0.9", TextFormat::kPrometheus},
                                  {"application/openmetrics-text;q=0", TextFormat::kPrometheus},
                                  {"application/openmetrics-text;q=rubbish", TextFormat::kPrometheus},
                                  {",,;;q=,", TextFormat::kPrometheus}}) {
    EXPECT_EQ(format_for(row.accept), row.format) << row.accept;
  }
}

TEST(Exposition, AnyAcceptHeaderIsAnswered) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  constexpr std::string_view kPieces[] = {
      "application/openmetrics-text", "text/plain", ";", ",", "q=", "version=", "1.0.0", "0.5", " ", "*/*", "=", "\""};
  for (int i = 0; i < 5000; ++i) {
    std::string accept;
    for (std::uint64_t n = rng.below(12); n > 0; --n) accept += kPieces[rng.below(std::size(kPieces))];
    const TextFormat format = format_for(accept);
    if (format == TextFormat::kOpenMetrics) ASSERT_NE(accept.find("openmetrics"), accept.npos) << accept;
  }
}

}  // namespace
}  // namespace headrace::metrics
