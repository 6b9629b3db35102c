// SPDX-License-Identifier: Apache-2.0
// A bounded pool.
#include "records/sqlite/reader_pool.h"

namespace headrace::records {

ReaderPool::ReaderPool(Scheduler& scheduler, Connect connect, std::size_t connections_max)
    : connect_(std::move(connect)), connections_max_(connections_max), came_back_(scheduler.new_event()) {}

Result<ReaderPool::Lease> ReaderPool::take(const Scope& scope) {
  MutexLock lock(mutex_);
  TRY_OK(came_back_->wait(scope, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS {
    return is_closed_ || !idle_.empty() || out_.size() < connections_max_;
  }));
  if (is_closed_) return Error(Code::kBadHandle, "the metadata engine is closed");
  const std::uint64_t number = next_number_++;
  out_.insert(number);
  if (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return Lease(*this, number, std::move(connection));
  }
  lock.unlock();
  Result<std::unique_ptr<Connection>> connection = connect_();
  if (connection) return Lease(*this, number, *std::move(connection));
  lock.lock();
  out_.erase(number);
  came_back_->notify_all();
  return connection.error();
}

void ReaderPool::give_back(std::uint64_t number, std::unique_ptr<Connection> connection) {
  MutexLock lock(mutex_);
  out_.erase(number);
  idle_.push_back(std::move(connection));
  came_back_->notify_all();
}

Result<void> ReaderPool::wait_for_those_out(const Scope& scope) {
  MutexLock lock(mutex_);
  const std::uint64_t beyond = next_number_;
  return came_back_->wait(
      scope, mutex_, [this, beyond]() NO_THREAD_SAFETY_ANALYSIS { return out_.empty() || *out_.begin() >= beyond; });
}

void ReaderPool::close() {
  std::vector<std::unique_ptr<Connection>> closing;
  MutexLock lock(mutex_);
  is_closed_ = true;
  came_back_->notify_all();
  (void)came_back_->wait(Scope{}, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return out_.empty(); });
  closing.swap(idle_);
  lock.unlock();
}

}  // namespace headrace::records
