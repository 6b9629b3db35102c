// SPDX-License-Identifier: Apache-2.0
// What a process counts. A Registry is made in main and handed around; a room asks it once, in a constructor, for the
// metrics it counts in, and keeps references:
//
//   class Lane {
//     explicit Lane(metrics::Registry& registry)
//         : reads_(registry.counter("juicefs_fuse_ops_total", "read")),
//           durations_(registry.histogram("juicefs_fuse_ops_durations_histogram_seconds")) {}
//     metrics::Counter& reads_;
//     metrics::Histogram& durations_;
//   };
//
// Names come from metrics/catalog.h; a wrong one does not compile. Values of labels are fixed when a metric is made,
// one for each label of its line there. Asking for the same metric with the same values gives the same object. What is
// already counted elsewhere is read when somebody looks: counter_from() and gauge_from().
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "metrics/catalog.h"
#include "metrics/cells.h"

namespace headrace::metrics {

/// Only grows. add() is thread-safe and takes no lock.
class Counter {
 public:
  void add(std::uint64_t by = 1) { cells_.add(0, by); }
  std::uint64_t value() const { return cells_.sum(0); }

 private:
  friend class Registry;
  Counter() : cells_(1) {}
  Cells cells_;
};

/// One number for all threads: for what changes rarely. What changes at every request is better read by gauge_from().
class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t by) { value_.fetch_add(by, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  friend class Registry;
  Gauge() = default;
  std::atomic<std::int64_t> value_ = 0;
};

/// How many observations fell into each bucket; the last bucket takes what is above all bounds.
struct HistogramCounts {
  std::vector<std::uint64_t> buckets;  // bounds_of(unit).size() + 1, each by itself
  double sum = 0;
  std::uint64_t count() const;
};

/// Thread-safe, no lock. Observations are kept as whole nanoseconds, bytes or counts; negative ones count as 0.
class Histogram {
 public:
  /// Seconds, bytes or counts, as the catalog says.
  void observe(double value) { observe_whole(value <= 0 ? 0 : static_cast<std::uint64_t>(value * per_unit_ + 0.5)); }
  /// For histograms of seconds.
  void observe(Duration length) { observe_whole(length.count() < 0 ? 0 : static_cast<std::uint64_t>(length.count())); }
  /// For histograms of bytes and counts.
  template <std::integral Number>
  void observe(Number value) {
    observe_whole(std::cmp_less(value, 0) ? 0 : static_cast<std::uint64_t>(value));
  }
  HistogramCounts counts() const;

 private:
  friend class Registry;
  explicit Histogram(Unit unit);
  void observe_whole(std::uint64_t value);

  const double per_unit_;                    // 1e9 for seconds, which are counted in nanoseconds
  const std::vector<std::uint64_t> bounds_;  // in what is counted, ascending
  Cells cells_;                              // a cell a bucket, then the sum
};

/// Observes how long it lived. `clock` and `histogram` outlive it.
class Timing {
 public:
  Timing(Histogram& histogram, const Clock& clock) : histogram_(histogram), clock_(clock), start_(clock.now()) {}
  ~Timing() { histogram_.observe(clock_.now() - start_); }
  Timing(const Timing&) = delete;
  Timing& operator=(const Timing&) = delete;

 private:
  Histogram& histogram_;
  const Clock& clock_;
  const Moment start_;
};

/// A metric that is read by a function. While this object lives; its end waits for a reading that runs. Movable. The
/// registry outlives it.
class [[nodiscard]] Reading {
 public:
  Reading() = default;
  Reading(Reading&& other) noexcept = default;
  Reading& operator=(Reading&& other) noexcept;
  ~Reading() { stop(); }
  /// Ends it early.
  void stop();

 private:
  friend class Registry;
  struct Source {
    Mutex mutex;
    std::function<double()> read GUARDED_BY(mutex);
  };
  explicit Reading(std::shared_ptr<Source> source) : source_(std::move(source)) {}
  std::shared_ptr<Source> source_;
};

/// One line, or one histogram, as it was when somebody looked.
struct Sample {
  std::vector<std::string> label_values;
  double value = 0;           // of a counter or gauge
  HistogramCounts histogram;  // of a histogram
};
struct Family {
  const MetricSpec* spec;
  std::vector<Sample> samples;  // in the order of their label values
};

/// Thread-safe. Outlives everything that counts in it.
class Registry {
 public:
  /// Name and value of a label that every metric of this process has, such as {"vol_name", "data"}.
  using Label = std::pair<std::string, std::string>;
  explicit Registry(std::vector<Label> constant_labels = {});
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  template <class... Values>
  Counter& counter(CounterSpec spec, const Values&... values) {
    return counter_of(*spec, {std::string(values)...});
  }
  template <class... Values>
  Gauge& gauge(GaugeSpec spec, const Values&... values) {
    return gauge_of(*spec, {std::string(values)...});
  }
  template <class... Values>
  Histogram& histogram(HistogramSpec spec, const Values&... values) {
    return histogram_of(*spec, {std::string(values)...});
  }

  /// `read` is called when somebody looks, by any thread, but never by two at once. It must be quick, may lock its own
  /// mutexes, and must not call the registry. Each such metric has one source at a time (CHECK).
  template <class... Values>
  Reading counter_from(CounterSpec spec, std::function<double()> read, const Values&... values) {
    return reading_of(*spec, std::move(read), {std::string(values)...});
  }
  template <class... Values>
  Reading gauge_from(GaugeSpec spec, std::function<double()> read, const Values&... values) {
    return reading_of(*spec, std::move(read), {std::string(values)...});
  }

  /// Everything that was asked for, in the order of the catalog.
  std::vector<Family> collect() const;
  const std::vector<Label>& constant_labels() const { return constant_labels_; }

 private:
  using LabelValues = std::vector<std::string>;
  struct Series {
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
    std::weak_ptr<Reading::Source> source;
  };

  Counter& counter_of(const MetricSpec& spec, LabelValues values);
  Gauge& gauge_of(const MetricSpec& spec, LabelValues values);
  Histogram& histogram_of(const MetricSpec& spec, LabelValues values);
  Reading reading_of(const MetricSpec& spec, std::function<double()> read, LabelValues values);
  Series& series_of(const MetricSpec& spec, LabelValues values) REQUIRES(mutex_);

  const std::vector<Label> constant_labels_;
  mutable Mutex mutex_;
  // By the place in the catalog, then by label values. Series are never removed, so that references to them hold.
  std::map<const MetricSpec*, std::map<LabelValues, Series>> families_ GUARDED_BY(mutex_);
};

}  // namespace headrace::metrics
