// SPDX-License-Identifier: Apache-2.0
// The bytes of one file as this mount sees them: what is committed, and over it what has been written here and is on
// its way to the store. One object for all handles of the file, so a write is seen by every one of them at once.
//
// Order of locks: the turn of a change (write, truncate …), then the turn of a commit, then the mutex. The mutex is
// never held across I/O.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/function_ref.h"
#include "block/file_filler.h"
#include "vfs/context.h"
#include "vfs/pending_slices.h"
#include "vfs/takeover_index.h"
#include "vfs/turn.h"

namespace headrace::vfs {

struct LengthChange {
  std::uint64_t before = 0, after = 0;
};

/// Told of every change of bytes before the call that makes it returns: passthrough copies are kept equal so, and what
/// others have cached is dropped. What it answers is the answer of the change; from wrote() on that has happened all
/// the same.
class ByteWatcher {
 public:
  virtual ~ByteWatcher() = default;
  /// Without the turn, before bytes of [offset, offset + length) change: what others stored there goes first.
  virtual Result<void> before_change(const Scope& scope, std::uint64_t offset, std::uint64_t length) = 0;
  // Under the file's turn, each after its kind of change.
  virtual Result<void> wrote(std::uint64_t offset, ByteSpan bytes) = 0;
  virtual Result<void> resized(const LengthChange& length) = 0;
  /// Bytes of [offset, offset + length) became something that only reading tells (a copy inside the store, a hole).
  virtual Result<void> replaced(const Scope& scope, std::uint64_t offset, std::uint64_t length) = 0;
  /// When the turn is given back: waits until everybody shows the change.
  virtual Result<void> settle(const Scope& scope) = 0;
};

class FileBytes {
 public:
  FileBytes(const Context& context, Ino ino, Attr attr);

  /// Committed attributes from the metadata: other mounts' changes drop what is remembered of the chunks. False, and no
  /// effect, when they differ from what is known and that moved on after they were asked for: they may be of before it.
  [[nodiscard]] bool refresh(const ReadAttr& read);
  /// Puts the length and times of unflushed writes over committed attributes. A commit in between takes what was
  /// unflushed: ask Commits::since() after this.
  Attr overlaid(Attr attr) const;
  /// The attributes as this mount shows them, as last known.
  Attr attr() const;
  std::uint64_t length() const;

  Result<std::size_t> read(const Scope& scope, std::uint64_t offset, MutableByteSpan into);
  /// Writes all. `append`: at the end, wherever that is when the turn comes; `request`, if any, is told where before
  /// anything is written. Returns the offset written at.
  Result<std::uint64_t> write(const Scope& scope, std::uint64_t offset, bool append, ByteSpan bytes,
                              ByteWatcher* watcher, KeptRequest* request = nullptr);
  /// Stores through a mapping, when the kernel brings their page. They lengthen no file: what lies beyond its end by
  /// now is left out.
  Result<void> write_back(const Scope& scope, std::uint64_t offset, ByteSpan bytes, ByteWatcher* watcher);
  /// Everything written before is in the store and committed when this is ok. Not yet durable in the metadata:
  /// Volume::sync.
  Result<void> flush(const Scope& scope);
  /// The first error of a lost write since `seen`, which is moved on: each handle is told once.
  Result<void> take_error(std::uint64_t& seen) const;
  std::uint64_t error_count() const;
  /// A server before this one died with bytes of this file: every handle that was open then is told, as of any lost
  /// write.
  void note_lost();

  Result<Attr> truncate(const Scope& scope, const Caller& caller, std::uint64_t length, ByteWatcher* watcher);
  Result<Attr> fallocate(const Scope& scope, const Caller& caller, int mode, std::uint64_t offset, std::uint64_t length,
                         ByteWatcher* watcher);
  /// Makes this file's range show `source`'s bytes without moving them.
  Result<std::uint64_t> copy_from(const Scope& scope, FileBytes& source, std::uint64_t source_offset,
                                  std::uint64_t offset, std::uint64_t length, ByteWatcher* watcher);
  /// SEEK_DATA or SEEK_HOLE. kNoDevice at or beyond the end.
  Result<std::uint64_t> seek(const Scope& scope, std::uint64_t offset, bool for_data);
  /// The extents of [offset, offset + length) as committed, up to the file's end: for readahead.
  Result<ExtentList> extents(const Scope& scope, std::uint64_t offset, std::uint64_t length);
  /// Committed bytes are read from this fill's copy, as far as it has come, until they change. `version`: the
  /// attributes of what it brings in; no effect when the file is another one by now.
  void follow(std::shared_ptr<block::FileFill> fill, const Attr& version);
  bool follows_fill() const;

  /// A time that a caller set by hand: writes that are still on their way keep it.
  void set_modified(Timestamp modified);
  /// Forgets what is remembered of the chunks: another client changed something.
  void drop_views();
  Ino ino() const { return ino_; }
  bool is_dirty() const;
  std::uint64_t dirty_bytes() const;
  Moment oldest_dirty() const;
  /// When bytes last changed through this object; Moment::min() when never.
  Moment last_change() const;
  /// Counts every change of bytes through this object.
  std::uint64_t change_count() const;

 private:
  struct View {
    ExtentList extents;
    std::uint64_t covered_to = 0;  // file offset; beyond it there is nothing committed
  };

  Result<void> load_views(const Scope& scope, ChunkIndex first, ChunkIndex last) EXCLUDES(mutex_);
  Result<std::size_t> read_once(const Scope& scope, std::uint64_t offset, MutableByteSpan into) EXCLUDES(mutex_);
  Result<void> read_committed(const Scope& scope, const std::shared_ptr<block::FileFill>& fill, const Stretch& stretch,
                              const ExtentList& extents, MutableByteSpan into);
  bool has_views(std::uint64_t offset, std::uint64_t length) const REQUIRES(mutex_);
  ExtentList extents_of(const Stretch& stretch) const REQUIRES(mutex_);
  Result<void> write_in_turn(const Scope& scope, std::uint64_t offset, ByteSpan bytes, ByteWatcher* watcher)
      EXCLUDES(mutex_);
  Result<void> write_piece(const Scope& scope, std::uint64_t offset, ByteSpan bytes) EXCLUDES(mutex_);
  Result<void> write_into_slice(const Scope& scope, std::uint64_t offset, ByteSpan bytes) EXCLUDES(mutex_);
  Result<void> commit_some(const Scope& scope, std::uint64_t through) EXCLUDES(mutex_);
  /// Asks for compactions now and then. Under the commit turn.
  Result<Attr> commit_slices(const Scope& scope, std::span<const meta::NewSlice> slices, Timestamp modified)
      EXCLUDES(mutex_);
  /// One metadata operation; while a list that it adds to is full (kThrottled) waits for the compaction of these
  /// chunks.
  Result<Attr> when_there_is_room(const Scope& scope, std::span<const ChunkIndex> chunks,
                                  FunctionRef<Result<Attr>()> operation) EXCLUDES(mutex_);
  void committed(std::span<const std::shared_ptr<PendingSlice>> batch, const Attr& attr) EXCLUDES(mutex_);
  void lose(const Scope& scope, const Error& error) EXCLUDES(mutex_);
  Attr overlay(Attr attr) const REQUIRES(mutex_);
  std::uint64_t shown_length() const REQUIRES(mutex_);
  void forget_view(ChunkIndex chunk) REQUIRES(mutex_);
  void note_change() REQUIRES(mutex_);
  void set_committed(const Attr& attr) REQUIRES(mutex_);
  bool is_committed(const Attr& attr) const REQUIRES(mutex_);
  /// The index knows of unflushed bytes from before they are there until after they are committed.
  void keep_dirty() REQUIRES(mutex_);
  void drop_dirty_if_clean() REQUIRES(mutex_);
  Result<std::uint64_t> copy_in_turns(const Scope& scope, FileBytes& source, std::uint64_t source_offset,
                                      std::uint64_t offset, std::uint64_t length, ByteWatcher* watcher);
  void apply(const Attr& attr, ChunkIndex first, ChunkIndex last) EXCLUDES(mutex_);

  const Context& context_;
  const Ino ino_;
  std::unique_ptr<Event> progress_;  // a writer left its slice
  Turn change_turn_;
  Turn commit_turn_;
  std::uint64_t references_written_ = 0;  // of who has the commit turn
  mutable Mutex mutex_;
  Attr committed_ GUARDED_BY(mutex_);
  std::optional<Timestamp> modified_ GUARDED_BY(mutex_);  // of writes that are not committed yet
  Timestamp written_ GUARDED_BY(mutex_);                  // when the newest of them was made
  PendingSlices pending_ GUARDED_BY(mutex_);
  std::map<ChunkIndex, View> views_ GUARDED_BY(mutex_);
  std::uint64_t views_epoch_ GUARDED_BY(mutex_) = 0;          // moves when views are dropped
  std::shared_ptr<block::FileFill> fill_ GUARDED_BY(mutex_);  // of the version that is committed; null: none
  std::uint64_t errors_ GUARDED_BY(mutex_) = 0;
  std::optional<Error> last_error_ GUARDED_BY(mutex_);
  Moment last_change_ GUARDED_BY(mutex_) = Moment::min();
  std::uint64_t changes_ GUARDED_BY(mutex_) = 0;
  KeptDirty* kept_dirty_ GUARDED_BY(mutex_) = nullptr;
};

}  // namespace headrace::vfs
