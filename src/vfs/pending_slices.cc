// SPDX-License-Identifier: Apache-2.0
// Which slice a write continues, and what readers see of slices that are on their way.
#include "vfs/pending_slices.h"

#include <algorithm>

#include "base/check.h"

namespace headrace::vfs {
namespace {

bool overlaps(const PendingSlice& slice, std::uint64_t offset, std::uint64_t length) {
  return slice.offset() < offset + length && offset < slice.end();
}

}  // namespace

std::shared_ptr<PendingSlice> PendingSlices::find_writable(std::uint64_t offset, std::uint32_t length) {
  const ChunkIndex chunk = chunk_of(offset);
  for (auto at = slices_.rbegin(); at != slices_.rend(); ++at) {
    PendingSlice& slice = **at;
    if (slice.chunk != chunk) continue;
    if (!slice.is_frozen && offset >= slice.offset() + slice.buffer->rewritable_from() &&
        offset <= slice.offset() + slice.buffer->size())
      return *at;
    if (overlaps(slice, offset, length)) return nullptr;  // an older slice would be hidden by this newer one
  }
  return nullptr;
}

std::shared_ptr<PendingSlice> PendingSlices::begin(std::uint64_t offset, SliceId id,
                                                   std::unique_ptr<block::SliceBuffer> buffer, Moment now) {
  auto slice = std::make_shared<PendingSlice>();
  slice->number = next_number_++;
  slice->chunk = chunk_of(offset);
  slice->pos = offset_in_chunk(offset);
  slice->id = id;
  slice->buffer = std::move(buffer);
  slice->begun = now;
  slices_.push_back(slice);
  int open = 0;
  for (auto at = slices_.rbegin(); at != slices_.rend(); ++at) {
    if ((*at)->chunk == slice->chunk && !(*at)->is_frozen && ++open > kOpenMax) {
      freeze(**at);
      start_upload(**at);
    }
  }
  return slice;
}

Result<PendingSlices::Shown> PendingSlices::copy_out(const Scope& scope, std::uint64_t offset,
                                                     MutableByteSpan into) const {
  Shown shown;
  shown.open = {{offset, into.size()}};
  for (auto at = slices_.rbegin(); at != slices_.rend() && !shown.open.empty(); ++at) {
    const PendingSlice& slice = **at;
    std::vector<Stretch> still_open;
    for (const Stretch& stretch : shown.open) {
      const std::uint64_t from = std::max(stretch.offset, slice.offset()), to = std::min(stretch.end(), slice.end());
      if (from >= to) {
        still_open.push_back(stretch);
        continue;
      }
      if (stretch.offset < from) still_open.push_back({stretch.offset, from - stretch.offset});
      if (to < stretch.end()) still_open.push_back({to, stretch.end() - to});
      // Below this the slice never changes again and may have left the memory.
      const std::uint64_t memory = std::clamp(slice.offset() + slice.buffer->rewritable_from(), from, to);
      if (from < memory)
        shown.pieces.push_back(
            {*at, static_cast<std::uint32_t>(from - slice.offset()), into.subspan(from - offset, memory - from)});
      if (memory < to)
        TRY_OK(slice.buffer->read(scope, static_cast<std::uint32_t>(memory - slice.offset()),
                                  into.subspan(memory - offset, to - memory)));
    }
    shown.open = std::move(still_open);
  }
  return shown;
}

void PendingSlices::freeze(PendingSlice& slice) {
  slice.is_frozen = true;
  if (!slice.is_busy) slice.buffer->finish();
}

void PendingSlices::start_upload(PendingSlice& slice) {
  if (slice.is_frozen && !slice.is_busy) slice.buffer->start_upload();
}

void PendingSlices::freeze_through(std::uint64_t number) {
  for (const auto& slice : slices_) {
    if (slice->number > number) break;
    if (!slice->is_frozen) freeze(*slice);
    if (slice != slices_.front()) start_upload(*slice);
  }
}

void PendingSlices::writer_done(PendingSlice& slice) {
  CHECK(slice.is_busy);
  slice.is_busy = false;
  slice.visible = slice.buffer->size();
  const bool is_full = slice.pos + slice.visible >= kChunkBytes;
  if (!slice.is_frozen && !is_full) return;
  freeze(slice);
  if (&slice != slices_.front().get()) start_upload(slice);
}

std::vector<std::shared_ptr<PendingSlice>> PendingSlices::committable(std::size_t count) const {
  std::vector<std::shared_ptr<PendingSlice>> result;
  for (const auto& slice : slices_) {
    if (result.size() == count || !slice->is_frozen || slice->is_busy) break;
    result.push_back(slice);
  }
  return result;
}

void PendingSlices::pop_front(std::size_t count) {
  CHECK(count <= slices_.size());
  slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(count));
}

std::vector<std::shared_ptr<PendingSlice>> PendingSlices::take_idle() {
  std::vector<std::shared_ptr<PendingSlice>> taken;
  std::deque<std::shared_ptr<PendingSlice>> busy;
  for (auto& slice : slices_) {
    if (slice->is_busy)
      busy.push_back(std::move(slice));
    else
      taken.push_back(std::move(slice));
  }
  slices_ = std::move(busy);
  return taken;
}

bool PendingSlices::is_busy_through(std::uint64_t number) const {
  for (const auto& slice : slices_) {
    if (slice->number > number) return false;
    if (slice->is_busy) return true;
  }
  return false;
}

std::uint64_t PendingSlices::end() const {
  std::uint64_t end = 0;
  for (const auto& slice : slices_) end = std::max(end, slice->end());
  return end;
}

std::uint64_t PendingSlices::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& slice : slices_) sum += slice->visible;
  return sum;
}

}  // namespace headrace::vfs
