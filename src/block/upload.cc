// SPDX-License-Identifier: Apache-2.0
// One job a block.
#include "block/upload.h"

#include <fmt/format.h>

#include "base/check.h"

namespace headrace::block {

void SliceUpload::send(Buffer buffer, std::uint32_t size) {
  CHECK(size > 0 && size <= buffer.capacity());
  std::uint32_t index = 0;
  {
    MutexLock lock(mutex_);
    index = static_cast<std::uint32_t>(blocks_.size());
    blocks_.push_back({std::make_shared<const Buffer>(std::move(buffer)), size, false});
    pending_ += 1;
  }
  ++context_.counters.uploads_now;
  if (!context_.activity.begin()) return end(index, Error(Code::kBadHandle, "the block store is closed"), false);
  const Result<void> submitted = context_.pool.try_submit([self = shared_from_this(), index] { self->run(index); });
  if (!submitted) end(index, Error(submitted.code(), "the block store takes no more uploads"));
}

void SliceUpload::run(std::uint32_t index) {
  std::shared_ptr<const Buffer> buffer;
  const BlockKey block = key(index);
  {
    MutexLock lock(mutex_);
    if (!is_discarded_) {
      buffer = blocks_[index].buffer;
      blocks_[index].has_begun = true;
    }
  }
  if (buffer == nullptr) return end(index, Code::kInterrupted);
  const std::string name = object_name(context_.layout, block);
  const ByteSpan bytes = buffer->span(block.size);
  Result<void> result = context_.store.put(Scope{context_.scheduler.clock().now() + context_.put_timeout, {}}, name, std::span(&bytes, 1));
  if (result) {
    ++context_.counters.uploads;
    context_.counters.upload_bytes += block.size;
    if (context_.keeps_blocks) context_.tier.put_block(block, bytes);
  } else {
    ++context_.counters.upload_errors;
    result = Error(result.code(), fmt::format("upload of block {}: {}", name, result.error().text()));
  }
  buffer.reset();
  end(index, result);
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
  TRY_OK(wait_for_jobs(scope));
  return first_error_;
}

Result<void> SliceUpload::discard(const Scope& scope) {
  std::vector<std::string> names;
  {
    MutexLock lock(mutex_);
    is_discarded_ = true;
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
