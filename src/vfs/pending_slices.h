// SPDX-License-Identifier: Apache-2.0
// The slices of one file that are written and not yet committed, in the order they were begun. They lie over what the
// metadata say: the newest wins. No I/O and no locks here: the file's own mutex guards it all.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/types.h"
#include "block/block_store.h"

namespace headrace::vfs {

struct PendingSlice {
  std::uint64_t number = 0;  // 1, 2, … in the order begun; commits keep it
  ChunkIndex chunk;
  std::uint32_t pos = 0;      // in the chunk
  std::uint32_t visible = 0;  // bytes that readers may see
  SliceId id;
  std::unique_ptr<block::SliceBuffer> buffer;
  bool is_busy = false;    // a writer is inside buffer->write()
  bool is_frozen = false;  // takes no more writes
  Moment begun{};

  std::uint64_t offset() const { return start_of(chunk) + pos; }
  std::uint64_t end() const { return offset() + visible; }
};

/// A stretch of a file, [offset, offset + length).
struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t end() const { return offset + length; }
  friend bool operator==(const Stretch&, const Stretch&) = default;
};

class PendingSlices {
 public:
  /// How many slices of one chunk stay open for more writes.
  static constexpr int kOpenMax = 4;

  /// The slice that a write of `length` bytes at `offset` may continue, or null: a new one must be begun. The write
  /// lies in one chunk.
  std::shared_ptr<PendingSlice> find_writable(std::uint64_t offset, std::uint32_t length);
  /// Puts a new slice behind the others; freezes the oldest open ones of its chunk beyond kOpenMax.
  std::shared_ptr<PendingSlice> begin(std::uint64_t offset, SliceId id, std::unique_ptr<block::SliceBuffer> buffer,
                                      Moment now);

  /// What the pending slices show of a stretch of the file.
  struct Shown {
    /// A piece of a slice that is no longer in memory, but in the node's tier or the store: to be read without the
    /// mutex.
    struct Piece {
      std::shared_ptr<PendingSlice> slice;
      std::uint32_t slice_offset = 0;
      MutableByteSpan into;
    };
    std::vector<Stretch> open;  // what they do not cover
    std::vector<Piece> pieces;
  };
  /// Copies to `into` what is in memory of [offset, offset + into.size()), and says where the rest is. `scope` is only
  /// used if an upload takes a block out of memory at this very moment.
  Result<Shown> copy_out(const Scope& scope, std::uint64_t offset, MutableByteSpan into) const;

  /// No slice up to `number` takes more writes. A busy one is frozen when its writer is done (writer_done()). Their
  /// last blocks start to go up, but for the oldest's: who commits it sends that one up itself.
  void freeze_through(std::uint64_t number);
  /// A writer left the slice.
  void writer_done(PendingSlice& slice);

  /// Whether a slice up to `number` is still in a writer's hands.
  bool is_busy_through(std::uint64_t number) const;

  bool is_empty() const { return slices_.empty(); }
  std::size_t count() const { return slices_.size(); }
  /// The number of the newest slice; 0: none was ever begun.
  std::uint64_t last_number() const { return next_number_ - 1; }
  /// The number before the oldest pending one: all up to it are done.
  std::uint64_t done_number() const { return slices_.empty() ? last_number() : slices_.front()->number - 1; }
  /// The first slices, as far as they are frozen and idle, at most `count`: what a commit may take.
  std::vector<std::shared_ptr<PendingSlice>> committable(std::size_t count) const;
  void pop_front(std::size_t count);
  /// Takes out all slices but those a writer is in.
  std::vector<std::shared_ptr<PendingSlice>> take_idle();
  /// One past the last byte that any pending slice shows.
  std::uint64_t end() const;
  std::uint64_t bytes() const;
  /// When the oldest pending slice was begun; Moment::max() without one.
  Moment oldest() const { return slices_.empty() ? Moment::max() : slices_.front()->begun; }

 private:
  static void freeze(PendingSlice& slice);
  static void start_upload(PendingSlice& slice);
  std::deque<std::shared_ptr<PendingSlice>> slices_;
  std::uint64_t next_number_ = 1;
};

}  // namespace headrace::vfs
