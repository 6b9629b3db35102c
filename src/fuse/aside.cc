// SPDX-License-Identifier: Apache-2.0
#include "fuse/aside.h"

#include <algorithm>

namespace headrace::fuse {

Result<void> AsideRequests::put(AsideRequest request) {
  const std::size_t bytes = request.message.size();
  MutexLock lock(mutex_);
  TRY_OK(changed_->wait(Scope{}, mutex_,
                        [this, bytes]() NO_THREAD_SAFETY_ANALYSIS { return is_closed_ || has_room(bytes); }));
  if (is_closed_) return Code::kInterrupted;
  bytes_ += bytes;
  requests_.push_back(std::move(request));
  count_ = requests_.size();
  return {};
}

std::optional<AsideRequest> AsideRequests::take() {
  MutexLock lock(mutex_);
  if (requests_.empty()) return std::nullopt;
  AsideRequest request = std::move(requests_.front());
  requests_.pop_front();
  bytes_ -= request.message.size();
  count_ = requests_.size();
  changed_->notify_all();
  return request;
}

std::optional<AsideRequest> AsideRequests::take(std::uint64_t unique) {
  MutexLock lock(mutex_);
  const auto found =
      std::find_if(requests_.begin(), requests_.end(), [unique](const AsideRequest& r) { return r.unique == unique; });
  if (found == requests_.end()) return std::nullopt;
  AsideRequest request = std::move(*found);
  requests_.erase(found);
  bytes_ -= request.message.size();
  count_ = requests_.size();
  changed_->notify_all();
  return request;
}

void AsideRequests::close() {
  MutexLock lock(mutex_);
  is_closed_ = true;
  requests_.clear();
  bytes_ = 0;
  count_ = 0;
  changed_->notify_all();
}

}  // namespace headrace::fuse
