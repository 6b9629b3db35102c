// SPDX-License-Identifier: Apache-2.0
// A slab allocator over file offsets.
#include "block/arena.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace headrace::block {
namespace {

constexpr std::uint64_t kPage = 4096;

// Four sizes for each doubling: at most a fifth of a slot is wasted. In pages; the slots of a slab are as many as fit.
constexpr std::array<std::uint16_t, 26> kClassPages = {1,  2,  3,  4,  5,  6,  7,  8,  10, 12,  14,  16,  20,
                                                       24, 28, 32, 36, 42, 51, 64, 73, 85, 102, 128, 170, 256};
static_assert(kClassPages.back() * kPage * 2 == kSlabBytes);

std::uint64_t slot_bytes(std::uint32_t slot_class) { return kClassPages[slot_class] * kPage; }
std::uint32_t slots_of(std::uint32_t slot_class) {
  return static_cast<std::uint32_t>(kSlabBytes / slot_bytes(slot_class));
}

std::uint32_t class_for(std::uint64_t bytes) {
  const auto pages = static_cast<std::uint16_t>((bytes + kPage - 1) / kPage);
  return static_cast<std::uint32_t>(std::ranges::lower_bound(kClassPages, pages) - kClassPages.begin());
}

constexpr std::uint64_t kSlotBytesMax = kClassPages.back() * kPage;

}  // namespace

Arena::Arena(UniqueFd file, std::uint64_t file_bytes, std::shared_ptr<Space> space)
    : file_(std::move(file)), file_bytes_(file_bytes), space_(std::move(space)), partial_(kClassPages.size()) {}

std::optional<Slot> Arena::allocate(std::uint64_t bytes) {
  CHECK(bytes > 0);
  MutexLock lock(mutex_);
  if (bytes <= kSlotBytesMax) return allocate_slot(class_for(bytes));
  const std::uint64_t slabs = (bytes + kSlabBytes - 1) / kSlabBytes;
  const std::optional<std::uint64_t> offset = allocate_run(slabs);
  if (!offset) return std::nullopt;
  return Slot{*offset, slabs * kSlabBytes};
}

std::optional<Slot> Arena::allocate_slot(std::uint32_t slot_class) {
  std::set<std::uint64_t>& partial = partial_[slot_class];
  if (partial.empty()) {
    const std::optional<std::uint64_t> offset = allocate_run(1);
    if (!offset) return std::nullopt;
    Slab& slab = slabs_[*offset];
    slab.slot_class = slot_class;
    for (std::uint32_t i = slots_of(slot_class); i-- > 0;) slab.free_slots.push_back(static_cast<std::uint16_t>(i));
    partial.insert(*offset);
  }
  const std::uint64_t offset = *partial.begin();
  Slab& slab = slabs_[offset];
  const std::uint64_t index = slab.free_slots.back();
  slab.free_slots.pop_back();
  slab.used += 1;
  if (slab.free_slots.empty()) partial.erase(offset);
  return Slot{offset + index * slot_bytes(slot_class), slot_bytes(slot_class)};
}

std::optional<std::uint64_t> Arena::allocate_run(std::uint64_t slabs) {
  const auto take_last = [](Offsets& offsets) {
    const std::uint64_t offset = offsets.back();
    offsets.pop_back();
    return offset;
  };
  if (Offsets& ready = free_runs_[slabs]; !ready.empty()) return take_last(ready);
  const std::uint64_t bytes = slabs * kSlabBytes;
  Offsets& punched = punched_runs_[slabs];
  if (punched.empty() && file_bytes_ - end_ < bytes) return std::nullopt;
  if (!space_->try_take(bytes)) return std::nullopt;
  if (!punched.empty()) return take_last(punched);
  end_ += bytes;
  return end_ - bytes;
}

void Arena::free(const Slot& slot) {
  MutexLock lock(mutex_);
  if (slot.bytes > kSlotBytesMax) {
    free_runs_[slot.bytes / kSlabBytes].push_back(slot.offset);
    return;
  }
  const std::uint64_t start = slot.offset / kSlabBytes * kSlabBytes;
  const auto found = slabs_.find(start);
  CHECK(found != slabs_.end());
  Slab& slab = found->second;
  CHECK(slab.used > 0);
  slab.free_slots.push_back(static_cast<std::uint16_t>((slot.offset - start) / slot_bytes(slab.slot_class)));
  slab.used -= 1;
  if (slab.used > 0) {
    partial_[slab.slot_class].insert(start);
    return;
  }
  partial_[slab.slot_class].erase(start);
  slabs_.erase(found);
  free_runs_[1].push_back(start);
}

std::uint64_t Arena::release_free(std::uint64_t bytes) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;  // slabs, offset
  std::uint64_t total = 0;
  {
    MutexLock lock(mutex_);
    for (auto& [slabs, offsets] : free_runs_) {
      while (total < bytes && !offsets.empty()) {
        taken.emplace_back(slabs, offsets.back());
        offsets.pop_back();
        total += slabs * kSlabBytes;
      }
    }
  }
  for (const auto& [slabs, offset] : taken) {
    const int punched = ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                                    static_cast<off_t>(slabs * kSlabBytes));
    MutexLock lock(mutex_);
    if (punched == 0) {
      punched_runs_[slabs].push_back(offset);
      space_->give_back(slabs * kSlabBytes);
    } else {
      free_runs_[slabs].push_back(offset);  // its memory is still there
      total -= slabs * kSlabBytes;
    }
  }
  return total;
}

Result<void> Arena::write(std::uint64_t offset, ByteSpan bytes) { return pwrite_all(file_.get(), bytes, offset); }

Result<void> Arena::read(std::uint64_t offset, MutableByteSpan into) const {
  TRY(const std::size_t got, pread_full(file_.get(), into, offset));
  if (got != into.size()) return Error(Code::kIo, "the node tier's file is shorter than it was made");
  return {};
}

std::uint64_t Arena::free_bytes() const {
  MutexLock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [slabs, offsets] : free_runs_) bytes += slabs * kSlabBytes * offsets.size();
  return bytes;
}

}  // namespace headrace::block
