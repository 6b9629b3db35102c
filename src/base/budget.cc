// SPDX-License-Identifier: Apache-2.0
// Bytes are handed over by whoever frees them, so that only those are woken who go on.
#include "base/budget.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace headrace {

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = std::exchange(other.budget_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

void Reservation::release() {
  if (bytes_ > 0) budget_->give_back(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

void Reservation::shrink_to(std::uint64_t bytes) {
  CHECK(bytes <= bytes_);
  if (bytes < bytes_) budget_->give_back(bytes_ - bytes);
  bytes_ = bytes;
}

Budget::Budget(Scheduler& scheduler, std::uint64_t bytes_max) : scheduler_(scheduler), bytes_max_(bytes_max) {}

Budget::~Budget() {
  MutexLock lock(mutex_);
  CHECK(used_ == 0 && queue_.empty());
}

Result<Reservation> Budget::take(const Scope& scope, std::uint64_t bytes) {
  if (bytes == 0) return Reservation();
  if (bytes > bytes_max_) {
    return Error(Code::kInvalid, "a request for " + std::to_string(bytes) +
                                     " bytes is more than the whole memory budget of " + std::to_string(bytes_max_));
  }
  Waiter waiter;
  waiter.bytes = bytes;
  MutexLock lock(mutex_);
  if (queue_.empty() && fits(bytes)) {
    used_ += bytes;
    return Reservation(this, bytes);
  }
  waiter.granted = scheduler_.new_event();
  queue_.push_back(&waiter);
  const Result<void> waited = waiter.granted->wait(scope, mutex_, [&] { return waiter.is_granted; });
  if (waiter.is_granted) return Reservation(this, bytes);
  std::erase(queue_, &waiter);
  grant_in_order();  // it may have been the large one in front of small ones
  return waited.error();
}

Reservation Budget::try_take(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  const std::uint64_t limit = bytes_max_ - bytes_max_ / 10;
  if (!queue_.empty() || used_ > limit || bytes > limit - used_) return {};
  used_ += bytes;
  return Reservation(this, bytes);
}

void Budget::give_back(std::uint64_t bytes) {
  MutexLock lock(mutex_);
  CHECK(bytes <= used_);
  used_ -= bytes;
  grant_in_order();
}

void Budget::grant_in_order() {
  while (!queue_.empty() && fits(queue_.front()->bytes)) {
    Waiter& waiter = *queue_.front();
    queue_.pop_front();
    used_ += waiter.bytes;
    waiter.is_granted = true;
    waiter.granted->notify_all();  // with the mutex held: the waiter, and its event, end soon after
  }
}

std::uint64_t Budget::used_bytes() const {
  MutexLock lock(mutex_);
  return used_;
}

std::uint64_t Budget::waiting() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

}  // namespace headrace
