// SPDX-License-Identifier: Apache-2.0
// The two kinds of copies: a file of its own, filled unit by unit and fit for the kernel, and a short one in a slot of
// the arena.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "block/tier_index.h"

namespace headrace::block {

/// What a file of `length` bytes can make the kernel allocate.
constexpr std::uint64_t allocation_of(std::uint64_t length) { return (length + 4095) / 4096 * 4096; }

/// How far one unit of a copy has come. Only who changed it from absent to filling may write it.
enum FillState : unsigned char { kAbsent, kFilling, kPresent };

/// A file of its own. Thread-safe.
class OwnFile final : public TierFile {
 public:
  /// `file` has the key's length; allocation_of(length) has been taken from the space and is this object's to give
  /// back.
  OwnFile(CopyKey key, UniqueFd file, std::shared_ptr<Space> space, std::weak_ptr<TierIndex> index);
  ~OwnFile() override;

  const CopyKey& key() const override { return key_; }
  bool is_complete() const override { return is_complete_.load(std::memory_order_acquire); }
  int descriptor() const override;
  bool has(std::uint64_t offset, std::uint64_t length) const override;
  Result<void> read(std::uint64_t offset, MutableByteSpan into) const override;
  Result<void> fill(std::uint64_t offset, ByteSpan bytes) override;
  Result<void> write_through(std::uint64_t offset, ByteSpan bytes) override;
  Result<void> truncate_through(std::uint64_t length) override;
  std::uint64_t own_bytes() const override { return taken_bytes_; }
  std::uint64_t counted_bytes() const override { return taken_bytes_; }
  void on_forgotten() override;

 private:
  std::uint64_t unit_count() const { return (key_.length + kFillUnit - 1) / kFillUnit; }
  Result<void> grow_to(std::uint64_t length) REQUIRES(write_mutex_);

  const CopyKey key_;
  const UniqueFd file_;
  const std::shared_ptr<Space> space_;
  const std::weak_ptr<TierIndex> index_;
  std::unique_ptr<std::atomic<unsigned char>[]> units_;
  std::atomic<std::uint64_t> absent_units_;
  std::atomic<bool> is_complete_;
  std::atomic<std::uint64_t> taken_bytes_;
  std::atomic<std::uint64_t> length_;  // other than the key's once it was written through
  Mutex write_mutex_;                  // one writer at a time decides on the length
  std::atomic<bool> is_forgotten_{false};
};

/// Less than kOwnFileBytesMin, in a slot. Thread-safe.
class ShortFile final : public TierFile {
 public:
  ShortFile(CopyKey key, std::shared_ptr<Arena> arena, const Slot& slot, std::shared_ptr<Space> space,
            std::weak_ptr<TierIndex> index);
  ~ShortFile() override;

  const CopyKey& key() const override { return key_; }
  bool is_complete() const override { return state_.load(std::memory_order_acquire) == kPresent; }
  int descriptor() const override;
  bool has(std::uint64_t offset, std::uint64_t length) const override;
  Result<void> read(std::uint64_t offset, MutableByteSpan into) const override;
  Result<void> fill(std::uint64_t offset, ByteSpan bytes) override;
  Result<void> write_through(std::uint64_t offset, ByteSpan bytes) override;
  Result<void> truncate_through(std::uint64_t length) override;
  std::uint64_t own_bytes() const override { return 0; }
  std::uint64_t counted_bytes() const override { return copy_.slot().bytes; }
  void on_forgotten() override;

 private:
  const CopyKey key_;
  CheckedCopy copy_;
  const std::shared_ptr<Space> space_;
  const std::weak_ptr<TierIndex> index_;
  std::atomic<unsigned char> state_{kAbsent};
  std::atomic<bool> is_forgotten_{false};
};

}  // namespace headrace::block
