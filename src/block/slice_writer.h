// SPDX-License-Identifier: Apache-2.0
// The SliceBuffer of the block store: one block in memory that still changes, and before it blocks that are on their
// way or there.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "block/block_store.h"
#include "block/fetcher.h"
#include "block/upload.h"

namespace headrace::block {

/// Everything it is given outlives it.
class SliceWriter final : public SliceBuffer {
 public:
  SliceWriter(UploadContext& context, BufferPool& pool, Fetcher& fetcher, SliceId slice);

  Result<void> write(const Scope& scope, std::uint32_t offset, ByteSpan bytes) override;
  Result<void> read(const Scope& scope, std::uint32_t offset, MutableByteSpan into) const override;
  std::uint32_t size() const override;
  std::uint32_t rewritable_from() const override;
  void finish() override;
  void start_upload() override;
  Result<void> wait_uploaded(const Scope& scope) override;
  Result<void> discard(const Scope& scope) override;

 private:
  std::uint32_t block_bytes() const { return context_.layout.block_bytes; }
  std::uint32_t sent_bytes() const REQUIRES(mutex_) {
    return is_finished_ ? size_ : size_ / block_bytes() * block_bytes();
  }
  /// Whether the last block's buffer reaches as far as `end` does, or to the block's end.
  bool has_room_in_last(std::uint64_t end) const REQUIRES(mutex_);
  /// The buffers that everything up to `end` needs: first a larger one for the last block, if it needs one, then the
  /// blocks behind.
  std::vector<std::size_t> room_for(std::uint64_t end) const REQUIRES(mutex_);
  void grow_last_block(Buffer larger) REQUIRES(mutex_);
  /// Copies what is in memory of [offset, offset + into.size()) and answers nothing, or says where the first part is
  /// that is not.
  std::optional<BlockPart> read_memory(std::uint32_t offset, MutableByteSpan into) const REQUIRES(mutex_);
  Result<void> read_sent(const Scope& scope, const BlockPart& part, MutableByteSpan into) const EXCLUDES(mutex_);

  UploadContext& context_;
  BufferPool& pool_;
  Fetcher& fetcher_;
  const std::shared_ptr<SliceUpload> upload_;
  mutable Mutex mutex_;
  Buffer last_ GUARDED_BY(mutex_);  // the block that begins at sent_bytes(); empty when nothing is in it
  std::uint32_t size_ GUARDED_BY(mutex_) = 0;
  bool is_finished_ GUARDED_BY(mutex_) = false;
};

}  // namespace headrace::block
