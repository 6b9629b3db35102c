// SPDX-License-Identifier: Apache-2.0
// Many small things in one file: slots cut from slabs of 2 MiB, which is what the kernel allocates at a time with huge
// pages. A slab holds slots of one size; things of more than 1 MiB get whole slabs in a row. A slot is used again for
// other bytes as soon as it is free, so nothing in an arena is ever given to the kernel as a backing file.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/mutex.h"
#include "base/result.h"
#include "block/space.h"

namespace headrace::block {

inline constexpr std::uint64_t kSlabBytes = 2u << 20;

/// A place in the arena. Good until it is freed.
struct Slot {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // at least what was asked for
};

/// Thread-safe. Slabs count in the space while they hold memory; those that are free and still hold theirs are used
/// first.
class Arena {
 public:
  /// A sparse file, its length given.
  Arena(UniqueFd file, std::uint64_t file_bytes, std::shared_ptr<Space> space);

  /// How long a file should be for a tier of `bytes_max`: offsets are not memory, and each number of slabs in a row has
  /// its own.
  static std::uint64_t file_bytes_for(std::uint64_t bytes_max) { return 16 * bytes_max + 16 * kSlabBytes; }

  /// A slot for `bytes` (at least 1), or nothing when there is neither a free one nor space for a new slab.
  std::optional<Slot> allocate(std::uint64_t bytes);
  void free(const Slot& slot);
  /// Gives the memory of free slabs back to the kernel and the space, at least `bytes` if there is so much. Returns how
  /// many.
  std::uint64_t release_free(std::uint64_t bytes);

  /// Within one slot. kNoSpace: the kernel has no memory for it.
  Result<void> write(std::uint64_t offset, ByteSpan bytes);
  Result<void> read(std::uint64_t offset, MutableByteSpan into) const;

  /// Slabs that are free and hold memory.
  std::uint64_t free_bytes() const;

 private:
  struct Slab {
    std::uint32_t slot_class = 0, used = 0;
    std::vector<std::uint16_t> free_slots;
  };
  using Offsets = std::vector<std::uint64_t>;

  std::optional<Slot> allocate_slot(std::uint32_t slot_class) REQUIRES(mutex_);
  std::optional<std::uint64_t> allocate_run(std::uint64_t slabs) REQUIRES(mutex_);

  const UniqueFd file_;
  const std::uint64_t file_bytes_;
  const std::shared_ptr<Space> space_;
  mutable Mutex mutex_;
  std::map<std::uint64_t, Slab> slabs_ GUARDED_BY(mutex_);            // by offset: those cut into slots
  std::vector<std::set<std::uint64_t>> partial_ GUARDED_BY(mutex_);   // by class: slabs with a free slot, lowest first
  std::map<std::uint64_t, Offsets> free_runs_ GUARDED_BY(mutex_);     // by number of slabs: free, with memory
  std::map<std::uint64_t, Offsets> punched_runs_ GUARDED_BY(mutex_);  // free, without
  std::uint64_t end_ GUARDED_BY(mutex_) = 0;                          // nothing behind was ever used
};

}  // namespace headrace::block
