// SPDX-License-Identifier: Apache-2.0
// Making metrics, and reading them all.
#include "metrics/registry.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace headrace::metrics {
namespace {

std::vector<std::uint64_t> whole_bounds(Unit unit, double per_unit) {
  std::vector<std::uint64_t> bounds;
  for (const double bound : bounds_of(unit))
    bounds.push_back(static_cast<std::uint64_t>(std::llround(bound * per_unit)));
  return bounds;
}

double per_unit_of(Unit unit) { return unit == Unit::kSeconds ? 1e9 : 1; }

}  // namespace

std::uint64_t HistogramCounts::count() const {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

Histogram::Histogram(Unit unit)
    : per_unit_(per_unit_of(unit)), bounds_(whole_bounds(unit, per_unit_)), cells_(bounds_.size() + 2) {}

void Histogram::observe_whole(std::uint64_t value) {
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  cells_.add(bucket, 1);
  cells_.add(bounds_.size() + 1, value);
}

HistogramCounts Histogram::counts() const {
  HistogramCounts counts;
  for (std::size_t bucket = 0; bucket <= bounds_.size(); ++bucket) counts.buckets.push_back(cells_.sum(bucket));
  counts.sum = static_cast<double>(cells_.sum(bounds_.size() + 1)) / per_unit_;
  return counts;
}

Reading& Reading::operator=(Reading&& other) noexcept {
  if (this == &other) return *this;
  stop();
  source_ = std::move(other.source_);
  return *this;
}

void Reading::stop() {
  if (!source_) return;
  MutexLock lock(source_->mutex);
  source_->read = nullptr;
  lock.unlock();
  source_.reset();
}

Registry::Registry(std::vector<Label> constant_labels) : constant_labels_(std::move(constant_labels)) {}

Registry::~Registry() {
  MutexLock lock(mutex_);
  for (const auto& [spec, family] : families_) {
    for (const auto& [values, series] : family)
      CHECK(series.source.expired());  // a Reading must not outlive its registry
  }
}

Registry::Series& Registry::series_of(const MetricSpec& spec, LabelValues values) {
  CHECK(values.size() == spec.label_count());
  return families_[&spec][std::move(values)];
}

Counter& Registry::counter_of(const MetricSpec& spec, LabelValues values) {
  MutexLock lock(mutex_);
  Series& series = series_of(spec, std::move(values));
  CHECK(series.source.expired());
  if (!series.counter) series.counter.reset(new Counter());
  return *series.counter;
}

Gauge& Registry::gauge_of(const MetricSpec& spec, LabelValues values) {
  MutexLock lock(mutex_);
  Series& series = series_of(spec, std::move(values));
  CHECK(series.source.expired());
  if (!series.gauge) series.gauge.reset(new Gauge());
  return *series.gauge;
}

Histogram& Registry::histogram_of(const MetricSpec& spec, LabelValues values) {
  MutexLock lock(mutex_);
  Series& series = series_of(spec, std::move(values));
  if (!series.histogram) series.histogram.reset(new Histogram(spec.unit));
  return *series.histogram;
}

Reading Registry::reading_of(const MetricSpec& spec, std::function<double()> read, LabelValues values) {
  CHECK(read != nullptr);
  auto source = std::make_shared<Reading::Source>();
  {
    MutexLock lock(source->mutex);
    source->read = std::move(read);
  }
  MutexLock lock(mutex_);
  Series& series = series_of(spec, std::move(values));
  CHECK(series.source.expired() && !series.counter && !series.gauge);
  series.source = source;
  return Reading(std::move(source));
}

// Sources are called without the registry's mutex: they may take locks under which somebody else makes a metric.
std::vector<Family> Registry::collect() const {
  struct Pending {
    std::size_t family, sample;
    std::shared_ptr<Reading::Source> source;
  };
  std::vector<Family> families;
  std::vector<Pending> pending;
  {
    MutexLock lock(mutex_);
    for (const auto& [spec, all] : families_) {
      Family family{spec, {}};
      for (const auto& [values, series] : all) {
        Sample sample{values, 0, {}};
        if (series.counter) sample.value = static_cast<double>(series.counter->value());
        if (series.gauge) sample.value = static_cast<double>(series.gauge->value());
        if (series.histogram) sample.histogram = series.histogram->counts();
        const bool is_held = series.counter || series.gauge || series.histogram;
        std::shared_ptr<Reading::Source> source = series.source.lock();
        if (!is_held && !source) continue;  // its reading has ended
        if (source) pending.push_back({families.size(), family.samples.size(), std::move(source)});
        family.samples.push_back(std::move(sample));
      }
      if (!family.samples.empty()) families.push_back(std::move(family));
    }
  }
  for (const Pending& one : pending) {
    MutexLock lock(one.source->mutex);
    families[one.family].samples[one.sample].value = one.source->read ? one.source->read() : std::nan("");
  }
  return families;
}

}  // namespace headrace::metrics
