// SPDX-License-Identifier: Apache-2.0
#include "apps/mount_metrics.h"

#include <gtest/gtest.h>

#include "metrics/exposition.h"

namespace headrace::apps {
namespace {

TEST(MountMetrics, RequestsToTheStoreAreCountedByTheirMethod) {
  metrics::Registry registry;
  StoreMetrics metrics(registry);
  metrics.on_request(object::Method::kGet, 0.5, 1000, std::nullopt);
  metrics.on_request(object::Method::kGet, 0.5, 0, Code::kTransient);
  metrics.on_request(object::Method::kGet, 0.5, 0, Code::kNotFound);  // an answer, not an error
  EXPECT_EQ(registry.counter("juicefs_object_request_data_bytes", "get").value(), 1000u);
  EXPECT_EQ(registry.counter("juicefs_object_request_errors", "get").value(), 1u);
  EXPECT_EQ(registry.histogram("juicefs_object_request_durations_histogram_seconds", "get").counts().count(), 3u);
  EXPECT_EQ(registry.counter("juicefs_object_request_data_bytes", "put").value(), 0u);
  metrics.on_retry(object::Method::kPut);
  EXPECT_EQ(registry.counter("headrace_object_retries_total", "put").value(), 1u);
  EXPECT_EQ(registry.counter("headrace_object_retries_total", "get").value(), 0u);
}

TEST(MountMetrics, TheEngineIsCountedFromItsBindingOn) {
  metrics::Registry registry;
  EngineMetrics metrics;
  metrics.on_commit(5, std::chrono::milliseconds(1));
  metrics.on_sync(std::chrono::milliseconds(1));
  metrics.on_restart(2);
  metrics.bind(registry);
  metrics.on_commit(7, std::chrono::milliseconds(1));
  metrics.on_sync(std::chrono::milliseconds(1));
  metrics.on_restart(2);
  EXPECT_EQ(registry.histogram("headrace_transactions_per_commit").counts().sum, 7);
  EXPECT_EQ(registry.histogram("juicefs_transaction_durations_histogram_seconds").counts().count(), 1u);
  EXPECT_EQ(registry.counter("headrace_wal_syncs_total").value(), 1u);
  EXPECT_EQ(registry.histogram("headrace_commits_per_sync").counts().sum, 1);
  metrics.on_commit(1, std::chrono::milliseconds(1));
  metrics.on_commit(1, std::chrono::milliseconds(1));
  metrics.on_sync(std::chrono::milliseconds(1));
  EXPECT_EQ(registry.histogram("headrace_commits_per_sync").counts().sum, 3) << "each commit belongs to one sync";
  EXPECT_EQ(registry.counter("juicefs_transaction_restart").value(), 2u);
}

}  // namespace
}  // namespace headrace::apps
