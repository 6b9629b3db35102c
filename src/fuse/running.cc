// SPDX-License-Identifier: Apache-2.0
#include "fuse/running.h"

#include <vector>

namespace headrace::fuse {
namespace {

// Between reading a request and begin() lie microseconds, unless the machine stalls. Requests put aside are looked for
// by their owner.
constexpr Duration kEarlyKept = std::chrono::seconds(10);
constexpr std::size_t kEarlyMax = 256;

}  // namespace

RunningRequests::Place& RunningRequests::take_place() {
  MutexLock lock(mutex_);
  if (free_.empty()) return places_.emplace_back();
  Place& place = *free_.back();
  free_.pop_back();
  return place;
}

void RunningRequests::give_back(Place& place) {
  MutexLock lock(mutex_);
  free_.push_back(&place);
}

std::stop_token RunningRequests::begin(Place& place, std::uint64_t unique) {
  std::stop_token token;
  {
    MutexLock lock(place.mutex_);
    if (place.was_stopped_) {
      place.stop_ = std::stop_source();
      place.was_stopped_ = false;
    }
    place.unique_ = unique;
    token = place.stop_.get_token();
  }
  // In this order: interrupt() writes its note before it looks at the places a second time.
  if (early_count_.load() != 0 && take_early(unique)) stop_if_running(unique);
  return token;
}

bool RunningRequests::end(Place& place) {
  MutexLock lock(place.mutex_);
  place.unique_ = 0;
  return place.was_stopped_;
}

bool RunningRequests::interrupt(std::uint64_t unique) {
  if (stop_if_running(unique)) return true;
  {
    MutexLock lock(early_mutex_);
    if (early_.size() == kEarlyMax) early_.pop_front();
    early_.push_back({unique, clock_.now()});
    early_count_ = static_cast<std::uint32_t>(early_.size());
  }
  return stop_if_running(unique);
}

void RunningRequests::interrupt_all() {
  std::vector<std::stop_source> stops;
  {
    MutexLock lock(mutex_);
    for (Place& place : places_) {
      MutexLock place_lock(place.mutex_);
      if (place.unique_ == 0) continue;
      place.was_stopped_ = true;
      stops.push_back(place.stop_);
    }
  }
  for (std::stop_source& stop : stops) stop.request_stop();
}

bool RunningRequests::stop_if_running(std::uint64_t unique) {
  std::stop_source stop(std::nostopstate);
  {
    MutexLock lock(mutex_);
    for (Place& place : places_) {
      MutexLock place_lock(place.mutex_);
      if (place.unique_ != unique) continue;
      place.was_stopped_ = true;
      stop = place.stop_;
      break;
    }
  }
  // Outside the locks: it wakes whoever waits.
  if (!stop.stop_possible()) return false;
  stop.request_stop();
  return true;
}

bool RunningRequests::take_early(std::uint64_t unique) {
  MutexLock lock(early_mutex_);
  while (!early_.empty() && early_.front().seen + kEarlyKept < clock_.now()) early_.pop_front();
  bool found = false;
  for (auto it = early_.begin(); it != early_.end(); ++it) {
    if (it->unique != unique) continue;
    early_.erase(it);
    found = true;
    break;
  }
  early_count_ = static_cast<std::uint32_t>(early_.size());
  return found;
}

}  // namespace headrace::fuse
