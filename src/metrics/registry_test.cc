// SPDX-License-Identifier: Apache-2.0
#include "metrics/registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <optional>
#include <thread>

#include "base/event.h"

namespace headrace::metrics {
namespace {

const Family* find(const std::vector<Family>& families, std::string_view name) {
  for (const Family& family : families) {
    if (family.spec->name == name) return &family;
  }
  return nullptr;
}

double value_of(const Registry& registry, std::string_view name) {
  const std::vector<Family> families = registry.collect();
  const Family* family = find(families, name);
  return family == nullptr ? std::nan("none") : family->samples.at(0).value;
}

TEST(Registry, WhatWasCountedIsWhatIsSeen) {
  Registry registry;
  Counter& counter = registry.counter("headrace_wal_syncs_total");
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.value(), 42u);
  Gauge& gauge = registry.gauge("juicefs_fuse_open_handlers");
  gauge.add(5);
  gauge.add(-7);
  EXPECT_EQ(gauge.value(), -2);
  gauge.set(9);
  EXPECT_EQ(value_of(registry, "headrace_wal_syncs_total"), 42);
  EXPECT_EQ(value_of(registry, "juicefs_fuse_open_handlers"), 9);
}

TEST(Registry, TheSameNameAndValuesAreTheSameObjectAndOthersAreNot) {
  Registry registry;
  Counter& read = registry.counter("juicefs_fuse_ops_total", "read");
  EXPECT_EQ(&read, &registry.counter("juicefs_fuse_ops_total", std::string("read")));
  EXPECT_NE(&read, &registry.counter("juicefs_fuse_ops_total", "write"));
  Registry other;
  EXPECT_NE(&read, &other.counter("juicefs_fuse_ops_total", "read"));
}

TEST(Registry, OnlyWhatWasAskedForIsShownInTheOrderOfTheCatalogAndOfTheLabels) {
  Registry registry;
  EXPECT_TRUE(registry.collect().empty());
  (void)registry.gauge("juicefs_memory");
  (void)registry.counter("juicefs_fuse_ops_total", "write");
  (void)registry.counter("juicefs_fuse_ops_total", "read");
  const std::vector<Family> families = registry.collect();
  ASSERT_EQ(families.size(), 2u);
  EXPECT_EQ(families[0].spec->name, "juicefs_fuse_ops_total");
  EXPECT_EQ(families[1].spec->name, "juicefs_memory");
  EXPECT_EQ(families[0].samples[0].label_values, std::vector<std::string>{"read"});
  EXPECT_EQ(families[0].samples[1].label_values, std::vector<std::string>{"write"});
}

TEST(Registry, AWrongNumberOfLabelsIsAMistakeOfOurs) {
  Registry registry;
  EXPECT_DEATH((void)registry.counter("juicefs_fuse_ops_total"), "internal error");
  EXPECT_DEATH((void)registry.counter("headrace_wal_syncs_total", "x"), "internal error");
}

TEST(Histogram, AnObservationFallsIntoTheFirstBucketThatReachesIt) {
  Registry registry;
  Histogram& sizes = registry.histogram("juicefs_fuse_read_size_bytes");  // 4096, 16384 …
  sizes.observe(0);
  sizes.observe(4096u);
  sizes.observe(4097.0);
  sizes.observe(std::size_t{1} << 40);
  sizes.observe(-5);
  const HistogramCounts counts = sizes.counts();
  ASSERT_EQ(counts.buckets.size(), 9u);
  EXPECT_EQ(counts.buckets[0], 3u);
  EXPECT_EQ(counts.buckets[1], 1u);
  EXPECT_EQ(counts.buckets[8], 1u);
  EXPECT_EQ(counts.count(), 5u);
  EXPECT_EQ(counts.sum, 4096 + 4097 + std::pow(2, 40));
}

TEST(Histogram, SecondsMayComeAsNumbersOrAsDurations) {
  Registry registry;
  Histogram& times = registry.histogram("juicefs_fuse_ops_durations_histogram_seconds");
  times.observe(0.00005);
  times.observe(std::chrono::microseconds(50));
  times.observe(Duration(50'001));
  times.observe(Duration(-1));
  times.observe(100.0);
  const HistogramCounts counts = times.counts();
  EXPECT_EQ(counts.buckets[0], 3u);
  EXPECT_EQ(counts.buckets[1], 1u);
  EXPECT_EQ(counts.buckets.back(), 1u);
  EXPECT_DOUBLE_EQ(counts.sum, 100.000150001);
}

TEST(Timing, ObservesHowLongItLived) {
  Registry registry;
  ManualClock clock;
  Histogram& times = registry.histogram("juicefs_transaction_durations_histogram_seconds");
  {
    const Timing timing(times, clock);
    clock.advance(std::chrono::milliseconds(1500));
  }
  EXPECT_DOUBLE_EQ(times.counts().sum, 1.5);
  EXPECT_EQ(times.counts().count(), 1u);
}

TEST(Reading, IsAskedWhenSomebodyLooksAndOnlyWhileItLives) {
  Registry registry;
  double level = 1.5;
  {
    const Reading reading = registry.gauge_from("headrace_memory_budget_used_bytes", [&] { return level; });
    EXPECT_EQ(value_of(registry, "headrace_memory_budget_used_bytes"), 1.5);
    level = 2.5;
    EXPECT_EQ(value_of(registry, "headrace_memory_budget_used_bytes"), 2.5);
  }
  EXPECT_TRUE(registry.collect().empty());
  Reading again = registry.gauge_from("headrace_memory_budget_used_bytes", [] { return 7.0; });
  EXPECT_EQ(value_of(registry, "headrace_memory_budget_used_bytes"), 7);
  Reading moved = std::move(again);
  EXPECT_EQ(value_of(registry, "headrace_memory_budget_used_bytes"), 7);
  moved = Reading();
  EXPECT_TRUE(registry.collect().empty());
}

TEST(Reading, TwoOfOneKindAreAMistakeOfOurs) {
  Registry registry;
  const Reading reading = registry.counter_from("headrace_prefetches_total", [] { return 1.0; });
  EXPECT_DEATH((void)registry.counter("headrace_prefetches_total"), "internal error");
  EXPECT_DEATH((void)registry.counter_from("headrace_prefetches_total", [] { return 2.0; }), "internal error");
}

TEST(Reading, OneThatOutlivesItsRegistryIsAMistakeOfOurs) {
  EXPECT_DEATH(
      {
        std::optional<Registry> registry(std::in_place);
        const Reading reading = registry->gauge_from("juicefs_uptime", [] { return 1.0; });
        registry.reset();
      },
      "internal error");
}

TEST(Reading, MayLockWhatIsHeldWhileAMetricIsMade) {
  // A room makes metrics under its mutex while a scrape reads a number under the same mutex.
  Registry registry;
  Mutex mutex;
  const Reading reading = registry.gauge_from("juicefs_uptime", [&] {
    MutexLock lock(mutex);
    return 1.0;
  });
  std::atomic<bool> is_over = false;
  std::jthread maker([&] {
    for (int i = 0; i < 500; ++i) {
      MutexLock lock(mutex);
      (void)registry.counter("juicefs_fuse_ops_total", std::to_string(i));
    }
    is_over = true;
  });
  while (!is_over) (void)registry.collect();
}

TEST(Reading, ItsEndWaitsForAReadingThatRuns) {
  Registry registry;
  for (int round = 0; round < 200; ++round) {
    auto number = std::make_unique<double>(1);
    Reading reading = registry.gauge_from("juicefs_uptime", [&number] { return *number; });
    std::jthread looker([&] { (void)registry.collect(); });
    reading.stop();
    number.reset();  // a reading that still ran would read freed memory
  }
}

TEST(Registry, ManyThreadsLoseNothingWhileOthersLook) {
  Registry registry;
  Counter& counter = registry.counter("headrace_wal_syncs_total");
  Histogram& histogram = registry.histogram("headrace_commits_per_sync");
  constexpr int kThreads = 8, kRounds = 20000;
  std::uint64_t last = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kRounds; ++i) {
          counter.add(2);
          histogram.observe(i % 8);
        }
      });
    }
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t now = counter.value();
      ASSERT_GE(now, last) << "a counter never goes back";
      last = now;
      (void)registry.collect();
    }
  }
  EXPECT_EQ(counter.value(), std::uint64_t{2} * kThreads * kRounds);
  EXPECT_EQ(histogram.counts().count(), std::uint64_t{kThreads} * kRounds);
  EXPECT_EQ(histogram.counts().sum, 3.5 * kThreads * kRounds);
}

}  // namespace
}  // namespace headrace::metrics
