// SPDX-License-Identifier: Apache-2.0
// Slices in a map.
#include "vfs/testing/fake_blocks.h"

#include <cstring>
#include <utility>

#include "base/check.h"

namespace headrace::vfs::testing {

class FakeSlice final : public block::SliceBuffer {
 public:
  FakeSlice(FakeBlocks& blocks, SliceId id) : blocks_(blocks), id_(id) {}
  ~FakeSlice() override { unbuffer(); }

  Result<void> write(const Scope& scope, std::uint32_t offset, ByteSpan bytes) override {
    MutexLock lock(blocks_.mutex_);
    CHECK(!finished_ && offset <= bytes_.size());
    const std::size_t end = offset + bytes.size();
    const std::size_t more = end > bytes_.size() ? end - bytes_.size() : 0;
    TRY_OK(blocks_.changed_->wait(scope, blocks_.mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS {
      return blocks_.buffered_ + more <= blocks_.buffered_max_;
    }));
    blocks_.buffered_ += more;
    buffered_ += more;
    if (end > bytes_.size()) bytes_.resize(end);
    std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
    return {};
  }
  Result<void> read(const Scope&, std::uint32_t offset, MutableByteSpan into) const override {
    MutexLock lock(blocks_.mutex_);
    CHECK(offset + into.size() <= bytes_.size());
    if (is_stored_) {
      ++blocks_.reads_;
      if (!blocks_.stored_.contains(id_)) return Code::kNotFound;
    }
    std::memcpy(into.data(), bytes_.data() + offset, into.size());
    return {};
  }
  std::uint32_t size() const override {
    MutexLock lock(blocks_.mutex_);
    return static_cast<std::uint32_t>(bytes_.size());
  }
  std::uint32_t rewritable_from() const override { return 0; }
  void finish() override {
    MutexLock lock(blocks_.mutex_);
    finished_ = true;
  }
  void start_upload() override { CHECK(finished_); }
  Result<void> wait_uploaded(const Scope& scope) override {
    CHECK(finished_);
    {
      MutexLock lock(blocks_.mutex_);
      TRY_OK(blocks_.changed_->wait(scope, blocks_.mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return !blocks_.held_; }));
      if (blocks_.failure_) return *blocks_.failure_;
      blocks_.stored_[id_] = bytes_;
      is_stored_ = true;
    }
    unbuffer();
    return {};
  }
  Result<void> discard(const Scope& scope) override { return blocks_.remove_slice(scope, id_, size()); }

 private:
  void unbuffer() {
    {
      MutexLock lock(blocks_.mutex_);
      blocks_.buffered_ -= buffered_;
      buffered_ = 0;
    }
    blocks_.changed_->notify_all();
  }

  FakeBlocks& blocks_;
  const SliceId id_;
  std::string bytes_;
  std::size_t buffered_ = 0;
  bool finished_ = false;
  bool is_stored_ = false;  // its memory is given back then
};

Result<void> FakeBlocks::read(const Scope&, std::span<const Extent> extents, std::uint64_t file_offset,
                              MutableByteSpan into) {
  std::function<void()> action;
  {
    MutexLock lock(mutex_);
    action = std::exchange(before_next_read_, {});
  }
  if (action) action();
  ++reads_;
  std::uint64_t covered = file_offset;
  for (const Extent& extent : extents) {
    CHECK(extent.offset == covered);
    covered = extent.end();
    const MutableByteSpan to = into.subspan(extent.offset - file_offset, extent.length);
    if (extent.is_hole()) {
      std::memset(to.data(), 0, to.size());
      continue;
    }
    MutexLock lock(mutex_);
    const auto found = stored_.find(extent.slice);
    if (found == stored_.end()) return Code::kNotFound;
    CHECK(found->second.size() == extent.slice_size && extent.slice_offset + extent.length <= extent.slice_size);
    std::memcpy(to.data(), found->second.data() + extent.slice_offset, to.size());
  }
  CHECK(covered == file_offset + into.size());
  return {};
}

std::unique_ptr<block::SliceBuffer> FakeBlocks::new_slice(SliceId slice) {
  return std::make_unique<FakeSlice>(*this, slice);
}

Result<void> FakeBlocks::remove_slice(const Scope&, SliceId slice, std::uint32_t) {
  MutexLock lock(mutex_);
  stored_.erase(slice);
  return {};
}

void FakeBlocks::hold_uploads() {
  MutexLock lock(mutex_);
  held_ = true;
}

void FakeBlocks::release_uploads() {
  {
    MutexLock lock(mutex_);
    held_ = false;
  }
  changed_->notify_all();
}

void FakeBlocks::fail_uploads(std::optional<Code> code) {
  MutexLock lock(mutex_);
  failure_ = code;
}

void FakeBlocks::before_next_read(std::function<void()> action) {
  MutexLock lock(mutex_);
  before_next_read_ = std::move(action);
}

void FakeBlocks::limit_buffer(std::uint64_t bytes_max) {
  MutexLock lock(mutex_);
  buffered_max_ = bytes_max;
}

std::size_t FakeBlocks::stored_slices() const {
  MutexLock lock(mutex_);
  return stored_.size();
}

bool FakeBlocks::has(SliceId slice) const {
  MutexLock lock(mutex_);
  return stored_.contains(slice);
}

}  // namespace headrace::vfs::testing
