// SPDX-License-Identifier: Apache-2.0
#include "cli/stats_frame.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace headrace::cli {
namespace {

double value_of(std::string_view name, const StatsFrame& before, const StatsFrame& after, double seconds) {
  const auto columns = stats_columns();
  const auto found = std::ranges::find(columns, name, &StatsColumn::name);
  return found == columns.end()
             ? -1
             : stats_values(before, after, seconds)[static_cast<std::size_t>(found - columns.begin())];
}

TEST(StatsFrame, LinesThatAreNoNumbersAreLeftOut) {
  const StatsFrame frame = parse_stats("juicefs_memory 1048576\nnonsense\nx nan_\nlast 2.5");
  EXPECT_EQ(frame, (StatsFrame{{"juicefs_memory", 1048576}, {"last", 2.5}}));
}

TEST(StatsFrame, RatesAreWhatGrewPerSecond) {
  const StatsFrame before = parse_stats("juicefs_object_request_data_bytes_get 1000\njuicefs_cpu_usage 1\n");
  const StatsFrame after =
      parse_stats("juicefs_object_request_data_bytes_get 5000\njuicefs_cpu_usage 2\njuicefs_memory 77\n");
  EXPECT_DOUBLE_EQ(value_of("objectGetBytesPerSecond", before, after, 2), 2000);
  EXPECT_DOUBLE_EQ(value_of("cpuPercent", before, after, 2), 50);
  EXPECT_DOUBLE_EQ(value_of("memoryBytes", before, after, 2), 77);
}

TEST(StatsFrame, ALatencyIsTheMeanOfWhatCameSince) {
  const StatsFrame before = parse_stats(
      "juicefs_fuse_ops_durations_histogram_seconds_total 10\njuicefs_fuse_ops_durations_histogram_seconds_sum 100\n");
  const StatsFrame after = parse_stats(
      "juicefs_fuse_ops_durations_histogram_seconds_total 14\njuicefs_fuse_ops_durations_histogram_seconds_sum 102\n");
  EXPECT_DOUBLE_EQ(value_of("fuseOpSeconds", before, after, 1), 0.5);
  EXPECT_DOUBLE_EQ(value_of("fuseOpsPerSecond", before, after, 2), 2);
}

TEST(StatsFrame, ACounterThatWentBackCountsAsNothing) {
  const StatsFrame before = parse_stats("juicefs_object_request_data_bytes_put 1000\n");
  EXPECT_DOUBLE_EQ(
      value_of("objectPutBytesPerSecond", before, parse_stats("juicefs_object_request_data_bytes_put 10\n"), 1), 0);
}

TEST(StatsFrame, HeaderAndLinesHaveTheSameWidth) {
  const std::string header = stats_header(), line = stats_line(stats_values({}, {}, 1));
  const std::size_t width = header.find('\n');
  EXPECT_EQ(header.size(), 2 * (width + 1));
  EXPECT_EQ(line.size(), width + 1);
  EXPECT_EQ(stats_values({}, {}, 1).size(), stats_columns().size());
}

}  // namespace
}  // namespace headrace::cli
