// SPDX-License-Identifier: Apache-2.0
// Appending to blocks and sending them up.
#include "block/slice_writer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace headrace::block {

SliceWriter::SliceWriter(UploadContext& context, BufferPool& pool, Fetcher& fetcher, SliceId slice)
    : context_(context), pool_(pool), fetcher_(fetcher), upload_(std::make_shared<SliceUpload>(context, slice)) {}

bool SliceWriter::has_room_in_last(std::uint64_t end) const {
  const std::uint64_t start = sent_bytes();
  return std::min<std::uint64_t>(end - start, block_bytes()) <= last_.capacity();
}

std::vector<std::size_t> SliceWriter::room_for(std::uint64_t end) const {
  std::vector<std::size_t> sizes;
  std::uint64_t start = sent_bytes();
  if (!has_room_in_last(end)) {
    // The first block of a slice may stay small, as small files do; who comes to a second one writes a large file.
    const bool may_be_small = start == 0 && end <= block_bytes();
    sizes.push_back(may_be_small ? static_cast<std::size_t>(end) : block_bytes());
  }
  for (start += block_bytes(); start < end; start += block_bytes()) sizes.push_back(block_bytes());
  return sizes;
}

void SliceWriter::grow_last_block(Buffer larger) {
  const std::uint32_t held = size_ - sent_bytes();
  if (held > 0) std::memcpy(larger.data(), last_.data(), held);
  last_ = std::move(larger);
}

Result<void> SliceWriter::write(const Scope& scope, std::uint32_t offset, ByteSpan bytes) {
  CHECK(std::uint64_t{offset} + bytes.size() <= kChunkBytes);
  const std::uint64_t end = std::uint64_t{offset} + bytes.size();
  std::vector<std::size_t> sizes;
  {
    MutexLock lock(mutex_);
    CHECK(!is_finished_ && offset <= size_ && offset >= sent_bytes());
    if (bytes.empty()) return {};
    sizes = room_for(end);
  }
  std::vector<Buffer> room;
  if (!sizes.empty()) {
    TRY(room, pool_.take_all(scope, sizes));
  }
  auto next = room.begin();
  MutexLock lock(mutex_);
  if (!has_room_in_last(end)) grow_last_block(std::move(*next++));
  while (true) {
    const std::uint32_t at = offset - sent_bytes();
    const std::size_t count = std::min<std::size_t>(bytes.size(), block_bytes() - at);
    std::memcpy(last_.data() + at, bytes.data(), count);
    offset += static_cast<std::uint32_t>(count);
    bytes = bytes.subspan(count);
    size_ = std::max(size_, offset);
    if (at + count == block_bytes()) upload_->send(std::move(last_), block_bytes());
    if (bytes.empty()) return {};
    last_ = std::move(*next++);
  }
}

std::uint32_t SliceWriter::size() const {
  MutexLock lock(mutex_);
  return size_;
}

std::uint32_t SliceWriter::rewritable_from() const {
  MutexLock lock(mutex_);
  return sent_bytes();
}

Result<void> SliceWriter::read_sent(const Scope& scope, const BlockPart& part, MutableByteSpan into) const {
  if (const std::shared_ptr<const Buffer> buffer = upload_->buffer(part.key.index)) {
    std::memcpy(into.data(), buffer->data() + part.offset, part.length);
    return {};
  }
  if (fetcher_.read_from_tier(std::span(&part, 1), into)) return {};
  ReadTarget target(context_.scheduler, into);
  return fetcher_.read(scope, std::span(&part, 1), target, true);
}

std::optional<BlockPart> SliceWriter::read_memory(std::uint32_t offset, MutableByteSpan into) const {
  CHECK(std::uint64_t{offset} + into.size() <= size_);
  const std::uint32_t sent = sent_bytes();
  if (offset >= sent) {
    std::memcpy(into.data(), last_.data() + (offset - sent), into.size());
    return std::nullopt;
  }
  BlockPart part;
  part.key = upload_->key(offset / block_bytes());
  part.offset = offset % block_bytes();
  part.length = static_cast<std::uint32_t>(std::min<std::uint64_t>(part.key.size - part.offset, into.size()));
  return part;
}

Result<void> SliceWriter::read(const Scope& scope, std::uint32_t offset, MutableByteSpan into) const {
  while (!into.empty()) {
    std::optional<BlockPart> part;
    {
      MutexLock lock(mutex_);
      part = read_memory(offset, into);
    }
    if (!part) return {};
    TRY_OK(read_sent(scope, *part, into.first(part->length)));
    offset += part->length;
    into = into.subspan(part->length);
  }
  return {};
}

void SliceWriter::finish() {
  MutexLock lock(mutex_);
  if (is_finished_) return;
  const std::uint32_t held = size_ - sent_bytes();
  is_finished_ = true;
  if (held > 0) upload_->hold(std::move(last_), held);
  last_.release();
}

void SliceWriter::start_upload() { upload_->send_held(); }

Result<void> SliceWriter::wait_uploaded(const Scope& scope) {
  {
    MutexLock lock(mutex_);
    CHECK(is_finished_);
  }
  return upload_->wait(scope);
}

Result<void> SliceWriter::discard(const Scope& scope) {
  {
    MutexLock lock(mutex_);
    is_finished_ = true;
    last_.release();
  }
  return upload_->discard(scope);
}

}  // namespace headrace::block
