// SPDX-License-Identifier: Apache-2.0
// One job a block.
#include "block/upload.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"

namespace headrace::block {

std::uint32_t SliceUpload::add(Buffer buffer, std::uint32_t size) {
  CHECK(size > 0 && size <= buffer.capacity() && !held_);
  blocks_.push_back({std::make_shared<const Buffer>(std::move(buffer)), size, false});
  pending_ += 1;
  return static_cast<std::uint32_t>(blocks_.size() - 1);
}

void SliceUpload::send(Buffer buffer, std::uint32_t size) {
  std::uint32_t index = 0;
  {
    MutexLock lock(mutex_);
    index = add(std::move(buffer), size);
  }
  submit(index);
}

void SliceUpload::hold(Buffer buffer, std::uint32_t size) {
  MutexLock lock(mutex_);
  held_ = add(std::move(buffer), size);
}

void SliceUpload::send_held() {
  std::optional<std::uint32_t> index;
  {
    MutexLock lock(mutex_);
    index = std::exchange(held_, std::nullopt);
  }
  if (index) submit(*index);
}

void SliceUpload::submit(std::uint32_t index) {
  ++context_.counters.uploads_now;
  if (!context_.activity.begin()) return end(index, Error(Code::kBadHandle, "the block store is closed"), false);
  const Result<void> submitted = context_.pool.try_submit([self = shared_from_this(), index] { self->run(index); });
  if (!submitted) end(index, Error(submitted.code(), "the block store takes no more uploads"));
}

/// The block's bytes; null when nobody wants it in the bucket any more.
std::shared_ptr<const Buffer> SliceUpload::begin(std::uint32_t index) {
  MutexLock lock(mutex_);
  if (is_discarded_) return nullptr;
  blocks_[index].has_begun = true;
  return blocks_[index].buffer;
}

Result<void> SliceUpload::put(const Scope& scope, const BlockKey& block, const Buffer& buffer) {
  const std::string name = object_name(context_.layout, block);
  const ByteSpan bytes = buffer.span(block.size);
  const Result<void> stored = context_.store.put(scope, name, std::span(&bytes, 1));
  if (!stored) {
    ++context_.counters.upload_errors;
    return Error(stored.code(), fmt::format("upload of block {}: {}", name, stored.error().text()));
  }
  ++context_.counters.uploads;
  context_.counters.upload_bytes += block.size;
  if (keeps(block)) context_.tier.put_block(block, bytes);
  return {};
}

void SliceUpload::run(std::uint32_t index) {
  std::shared_ptr<const Buffer> buffer = begin(index);
  if (buffer == nullptr) return end(index, Code::kInterrupted);
  const Result<void> result = put({context_.scheduler.clock().now() + context_.put_timeout, {}}, key(index), *buffer);
  buffer.reset();
  end(index, result);
}

Result<void> SliceUpload::run_here(const Scope& scope, std::uint32_t index) {
  ++context_.counters.uploads_now;
  if (!context_.activity.begin()) {
    end(index, Error(Code::kBadHandle, "the block store is closed"), false);
    return {};
  }
  std::shared_ptr<const Buffer> buffer = begin(index);
  if (buffer == nullptr) {
    end(index, Code::kInterrupted);
    return {};
  }
  const Moment limit = context_.scheduler.clock().now() + context_.put_timeout;
  const Result<void> result = put(scope.until(limit), key(index), *buffer);
  const bool has_given_up =
      !result && (scope.stop.stop_requested() || context_.scheduler.clock().now() >= scope.deadline);
  if (!has_given_up) {
    buffer.reset();
    end(index, result);
    return {};
  }
  {
    MutexLock lock(mutex_);
    if (is_discarded_) {
      lock.unlock();
      end(index, result);  // nobody waits for it next, but for its end
      return result;
    }
    --context_.counters.uploads_now;
    held_ = index;  // who waits next tries again
    changed_->notify_all();
  }
  context_.activity.end();
  return result;
}

void SliceUpload::end(std::uint32_t index, const Result<void>& result, bool was_active) {
  std::shared_ptr<const Buffer> dropped;
  MutexLock lock(mutex_);
  dropped = std::move(blocks_[index].buffer);
  lock.unlock();
  dropped.reset();  // who waits for the end finds the memory given back
  --context_.counters.uploads_now;
  lock.lock();
  if (!result && first_error_) first_error_ = result;
  pending_ -= 1;
  if (pending_ == 0) changed_->notify_all();
  lock.unlock();
  if (was_active) context_.activity.end();
}

Result<void> SliceUpload::wait_for_jobs(const Scope& scope) {
  return changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return pending_ == 0; });
}

Result<void> SliceUpload::wait(const Scope& scope) {
  MutexLock lock(mutex_);
  for (;;) {
    if (const std::optional<std::uint32_t> mine = std::exchange(held_, std::nullopt)) {
      lock.unlock();
      const Result<void> ran = run_here(scope, *mine);
      lock.lock();
      if (!ran) return ran;
    }
    TRY_OK(changed_->wait(scope, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return pending_ == 0 || held_; }));
    if (pending_ == 0) return first_error_;
  }
}

Result<void> SliceUpload::discard(const Scope& scope) {
  std::vector<std::string> names;
  {
    MutexLock lock(mutex_);
    is_discarded_ = true;
    if (held_) {
      blocks_[*std::exchange(held_, std::nullopt)].buffer.reset();
      pending_ -= 1;
    }
    TRY_OK(wait_for_jobs(scope));
    for (std::uint32_t index = 0; index < blocks_.size(); ++index) {
      // One that failed may be there all the same.
      if (blocks_[index].has_begun) names.push_back(object_name(context_.layout, {slice_, index, blocks_[index].size}));
    }
  }
  if (names.empty()) return {};
  return context_.store.remove(scope, names);
}

std::shared_ptr<const Buffer> SliceUpload::buffer(std::uint32_t index) const {
  MutexLock lock(mutex_);
  return blocks_[index].buffer;
}

BlockKey SliceUpload::key(std::uint32_t index) const {
  MutexLock lock(mutex_);
  return {slice_, index, blocks_[index].size};
}

}  // namespace headrace::block
