// SPDX-License-Identifier: Apache-2.0
// The SliceBuffer of the block store: one block in memory that still changes, and before it blocks that are on their way or there.
#pragma once

#include <memory>

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
  std::uint32_t size() const override { return size_; }
  std::uint32_t rewritable_from() const override { return sent_bytes(); }
  void finish() override;
  Result<void> wait_uploaded(const Scope& scope) override;
  Result<void> discard(const Scope& scope) override;

 private:
  std::uint32_t block_bytes() const { return context_.layout.block_bytes; }
  std::uint32_t sent_bytes() const { return is_finished_ ? size_ : size_ / block_bytes() * block_bytes(); }
  /// Whether the last block's buffer reaches as far as `end` does, or to the block's end.
  bool has_room_in_last(std::uint64_t end) const;
  /// Buffers for everything up to `end`: first a larger one for the last block, if it needs one, then the blocks behind.
  Result<std::vector<Buffer>> take_room(const Scope& scope, std::uint64_t end);
  void grow_last_block(Buffer larger);
  Result<void> read_sent(const Scope& scope, const BlockPart& part, MutableByteSpan into) const;

  UploadContext& context_;
  BufferPool& pool_;
  Fetcher& fetcher_;
  const std::shared_ptr<SliceUpload> upload_;
  Buffer last_;  // the block that begins at sent_bytes(); empty when nothing is in it
  std::uint32_t size_ = 0;
  bool is_finished_ = false;
};

}  // namespace headrace::block
