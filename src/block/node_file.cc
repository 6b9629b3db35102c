// SPDX-License-Identifier: Apache-2.0
// Filling by units, and reading what is there.
#include "block/node_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace headrace::block {

OwnFile::OwnFile(CopyKey key, UniqueFd file, std::shared_ptr<Space> space, std::weak_ptr<TierIndex> index)
    : key_(std::move(key)),
      file_(std::move(file)),
      space_(std::move(space)),
      index_(std::move(index)),
      units_(std::make_unique<std::atomic<unsigned char>[]>(unit_count())),
      absent_units_(unit_count()),
      is_complete_(key_.length == 0),
      taken_bytes_(allocation_of(key_.length)),
      length_(key_.length) {}

OwnFile::~OwnFile() {
  if (is_forgotten_) space_->forgotten_bytes -= taken_bytes_;
  space_->give_back(taken_bytes_);
}

void OwnFile::on_forgotten() {
  is_forgotten_ = true;
  space_->forgotten_bytes += taken_bytes_;
}

int OwnFile::descriptor() const {
  CHECK(is_complete());
  return file_.get();
}

bool OwnFile::has(std::uint64_t offset, std::uint64_t length) const {
  const std::uint64_t whole = length_.load(std::memory_order_acquire);
  if (offset > whole || length > whole - offset) return false;
  if (length == 0 || is_complete()) return true;
  for (std::uint64_t unit = offset / kFillUnit; unit <= (offset + length - 1) / kFillUnit; ++unit) {
    if (units_[unit].load(std::memory_order_acquire) != kPresent) return false;
  }
  return true;
}

Result<void> OwnFile::read(std::uint64_t offset, MutableByteSpan into) const {
  if (!has(offset, into.size())) return Code::kNotFound;
  TRY(const std::size_t got, pread_full(file_.get(), into, offset));
  if (got != into.size()) return Code::kNotFound;  // truncated meanwhile by the writer it belongs to
  return {};
}

Result<void> OwnFile::fill(std::uint64_t offset, ByteSpan bytes) {
  CHECK(offset % kFillUnit == 0 && offset < key_.length);
  CHECK(bytes.size() == std::min(kFillUnit, key_.length - offset));
  std::atomic<unsigned char>& unit = units_[offset / kFillUnit];
  unsigned char expected = kAbsent;
  if (!unit.compare_exchange_strong(expected, kFilling)) return {};
  const Result<void> written = pwrite_all(file_.get(), bytes, offset);
  if (!written) {
    unit = kAbsent;
    if (const auto index = index_.lock()) index->forget(*this);
    return written;
  }
  unit.store(kPresent, std::memory_order_release);
  if (absent_units_.fetch_sub(1) == 1) is_complete_.store(true, std::memory_order_release);
  return {};
}

Result<void> OwnFile::grow_to(std::uint64_t length) {
  const std::uint64_t taken = taken_bytes_, wanted = allocation_of(length);
  if (wanted <= taken) return {};
  const auto index = index_.lock();
  const bool has_room = index != nullptr ? index->take_space(wanted - taken) : space_->try_take(wanted - taken);
  if (!has_room) return Error(Code::kNoSpace, "the node's tier has no room for a growing file");
  taken_bytes_ = wanted;
  if (is_forgotten_) space_->forgotten_bytes += wanted - taken;
  return {};
}

Result<void> OwnFile::write_through(std::uint64_t offset, ByteSpan bytes) {
  CHECK(is_complete());
  MutexLock lock(write_mutex_);
  TRY_OK(grow_to(offset + bytes.size()));
  TRY_OK(pwrite_all(file_.get(), bytes, offset));
  length_ = std::max<std::uint64_t>(length_, offset + bytes.size());
  return {};
}

Result<void> OwnFile::truncate_through(std::uint64_t length) {
  CHECK(is_complete());
  MutexLock lock(write_mutex_);
  TRY_OK(grow_to(length));
  if (length < length_) length_ = length;
  if (::ftruncate(file_.get(), static_cast<off_t>(length)) != 0)
    return errno_error(errno, "truncate a file of the node's tier");
  length_ = length;
  const std::uint64_t surplus = taken_bytes_ - allocation_of(length);
  taken_bytes_ -= surplus;
  if (is_forgotten_) space_->forgotten_bytes -= surplus;
  space_->give_back(surplus);
  return {};
}

ShortFile::ShortFile(CopyKey key, std::shared_ptr<Arena> arena, const Slot& slot, std::shared_ptr<Space> space,
                     std::weak_ptr<TierIndex> index)
    : key_(std::move(key)),
      copy_(std::move(arena), slot, static_cast<std::uint32_t>(key_.length)),
      space_(std::move(space)),
      index_(std::move(index)) {}

ShortFile::~ShortFile() {
  if (is_forgotten_) space_->forgotten_bytes -= counted_bytes();
}

void ShortFile::on_forgotten() {
  is_forgotten_ = true;
  space_->forgotten_bytes += counted_bytes();
}

int ShortFile::descriptor() const {
  CHECK(false && "a short copy has no descriptor");
  return -1;
}

bool ShortFile::has(std::uint64_t offset, std::uint64_t length) const {
  return is_complete() && offset <= key_.length && length <= key_.length - offset;
}

Result<void> ShortFile::read(std::uint64_t offset, MutableByteSpan into) const {
  if (!has(offset, into.size())) return Code::kNotFound;
  Result<void> read = copy_.read(offset, into);
  if (read || read.code() != Code::kDamaged) return read;
  if (const auto index = index_.lock()) index->drop_damaged(*this);
  return Code::kNotFound;
}

Result<void> ShortFile::fill(std::uint64_t offset, ByteSpan bytes) {
  CHECK(offset == 0 && bytes.size() == key_.length);
  unsigned char expected = kAbsent;
  if (!state_.compare_exchange_strong(expected, kFilling)) return {};
  const Result<void> written = copy_.write(bytes);
  state_.store(written ? kPresent : kAbsent, std::memory_order_release);
  if (written) return {};
  if (const auto index = index_.lock()) index->forget(*this);
  return written;
}

Result<void> ShortFile::write_through(std::uint64_t, ByteSpan) {
  CHECK(false && "a short copy is not written through");
  return Code::kNotSupported;
}

Result<void> ShortFile::truncate_through(std::uint64_t) {
  CHECK(false && "a short copy is not written through");
  return Code::kNotSupported;
}

}  // namespace headrace::block
