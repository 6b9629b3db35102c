// SPDX-License-Identifier: Apache-2.0
// Reading and writing one file: pending slices over committed chunks.
#include "vfs/file_bytes.h"

#include <algorithm>

#include "base/check.h"

namespace headrace::vfs {
namespace {

/// How long a write waits for the budget before it gives up the memory that this very file holds.
constexpr Duration kPatience = std::chrono::milliseconds(20);
/// A file with more slices on their way writes them out itself before it goes on.
constexpr std::size_t kPendingMax = 1000;
/// A chunk whose list is this long is worth compacting (the real client's number).
constexpr std::size_t kLongList = 5;
constexpr std::uint64_t kCompactEvery = 100;                   // references written, as the real client does
constexpr Duration kListPoll = std::chrono::milliseconds(20);  // for room in a full list
constexpr Duration kListWaitMax = std::chrono::minutes(5);
/// Chunk views remembered a file: 64 of them show 4 GiB.
constexpr std::size_t kViewsMax = 64;

}  // namespace

FileBytes::FileBytes(const Context& context, Ino ino, Attr attr)
    : context_(context),
      ino_(ino),
      progress_(context.scheduler.new_event()),
      change_turn_(context.scheduler),
      commit_turn_(context.scheduler) {
  MutexLock lock(mutex_);
  committed_ = attr;
}

bool FileBytes::is_committed(const Attr& attr) const {
  return attr.length == committed_.length && attr.mtime == committed_.mtime && attr.ctime == committed_.ctime;
}

void FileBytes::set_committed(const Attr& attr) {
  committed_ = attr;
  context_.commits.note(ino_);
}

bool FileBytes::refresh(const ReadAttr& read) {
  MutexLock lock(mutex_);
  if (is_committed(read.attr)) {
    committed_ = read.attr;
    return true;
  }
  if (context_.commits.since(read.asked, ino_)) return false;
  views_.clear();
  ++views_epoch_;
  fill_.reset();
  set_committed(read.attr);
  return true;
}

std::uint64_t FileBytes::shown_length() const { return std::max(committed_.length, pending_.end()); }

Attr FileBytes::overlay(Attr attr) const {
  attr.length = std::max(attr.length, pending_.end());
  if (modified_) {
    attr.mtime = *modified_;
    attr.ctime = std::max(attr.ctime, written_);
  }
  return attr;
}

Attr FileBytes::overlaid(Attr attr) const {
  MutexLock lock(mutex_);
  return overlay(std::move(attr));
}

Attr FileBytes::attr() const {
  MutexLock lock(mutex_);
  return overlay(committed_);
}

std::uint64_t FileBytes::length() const {
  MutexLock lock(mutex_);
  return shown_length();
}

// Reading.

Result<std::size_t> FileBytes::read(const Scope& scope, std::uint64_t offset, MutableByteSpan into) {
  for (int lists_read = 1;; ++lists_read) {
    Result<std::size_t> got = read_once(scope, offset, into);
    if (got || got.code() != Code::kNotFound) return got;
    if (lists_read == kListsReadMax) return Error(Code::kIo, got.error().text());
    // An object is gone: a compaction retired it, and the fresh list names what took its place. That may have been a
    // slice whose commit is in the metadata and not yet known here: when the commit's turn is over, it is.
    TRY(const Turn::Held commits_are_known, commit_turn_.take(scope));
    drop_views();
  }
}

Result<std::size_t> FileBytes::read_once(const Scope& scope, std::uint64_t offset, MutableByteSpan into) {
  PendingSlices::Shown shown;
  std::vector<ExtentList> extents;
  std::shared_ptr<block::FileFill> fill;
  std::size_t size = 0;
  for (;;) {
    ChunkIndex first, last;
    {
      MutexLock lock(mutex_);
      const std::uint64_t length = shown_length();
      if (offset >= length) return 0;
      size = std::min<std::uint64_t>(into.size(), length - offset);
      if (size == 0) return 0;
      first = chunk_of(offset);
      last = chunk_of(offset + size - 1);
      if (has_views(offset, size)) {
        // One moment for all: what is pending now, what is committed under it, and the copy of that.
        TRY(shown, pending_.copy_out(scope, offset, into.first(size)));
        for (const Stretch& stretch : shown.open) extents.push_back(extents_of(stretch));
        fill = fill_;
        break;
      }
    }
    TRY_OK(load_views(scope, first, last));
  }
  for (const PendingSlices::Shown::Piece& piece : shown.pieces)
    TRY_OK(piece.slice->buffer->read(scope, piece.slice_offset, piece.into));
  for (std::size_t i = 0; i < shown.open.size(); ++i) {
    const Stretch& stretch = shown.open[i];
    TRY_OK(read_committed(scope, fill, stretch, extents[i], into.subspan(stretch.offset - offset, stretch.length)));
  }
  return size;
}

Result<void> FileBytes::read_committed(const Scope& scope, const std::shared_ptr<block::FileFill>& fill,
                                       const Stretch& stretch, const ExtentList& extents, MutableByteSpan into) {
  if (fill != nullptr) {
    TRY(const bool is_there, fill->reach(scope, stretch.offset, stretch.length));
    // What the copy cannot give after all is where it came from.
    if (is_there && fill->file()->read(stretch.offset, into)) return {};
  }
  return context_.blocks.read(scope, extents, stretch.offset, into);
}

bool FileBytes::has_views(std::uint64_t offset, std::uint64_t length) const {
  for (std::uint32_t c = chunk_of(offset).value(); c <= chunk_of(offset + length - 1).value(); ++c) {
    if (start_of(ChunkIndex{c}) < committed_.length && !views_.contains(ChunkIndex{c})) return false;
  }
  return true;
}

void FileBytes::follow(std::shared_ptr<block::FileFill> fill, const Attr& version) {
  MutexLock lock(mutex_);
  if (is_committed(version) && pending_.is_empty()) fill_ = std::move(fill);
}

bool FileBytes::follows_fill() const {
  MutexLock lock(mutex_);
  return fill_ != nullptr;
}

Result<void> FileBytes::load_views(const Scope& scope, ChunkIndex first, ChunkIndex last) {
  for (std::uint32_t c = first.value(); c <= last.value(); ++c) {
    const ChunkIndex chunk{c};
    std::uint64_t epoch;
    {
      MutexLock lock(mutex_);
      if (views_.contains(chunk)) continue;
      epoch = views_epoch_;
    }
    TRY(meta::ChunkView view, context_.volume.chunk(scope, ino_, chunk));
    if (view.list_length >= kLongList && context_.list_is_long) context_.list_is_long(ino_, chunk);
    MutexLock lock(mutex_);
    if (epoch != views_epoch_) continue;  // it may be of before a commit: the caller looks again
    if (view.attr.ctime > committed_.ctime || view.attr.length != committed_.length) {
      set_committed(view.attr);
      fill_.reset();
    }
    while (views_.size() >= kViewsMax)
      views_.erase(views_.begin()->first == first ? std::prev(views_.end()) : views_.begin());
    View kept;
    kept.covered_to = view.extents.empty() ? start_of(chunk) : view.extents.back().end();
    kept.extents = std::move(view.extents);
    views_.emplace(chunk, std::move(kept));
  }
  return {};
}

ExtentList FileBytes::extents_of(const Stretch& stretch) const {
  ExtentList result;
  std::uint64_t at = stretch.offset;
  const auto hole_to = [&](std::uint64_t end) {
    if (end > at) result.push_back({at, end - at, SliceId{0}, 0, 0});
    at = std::max(at, end);
  };
  for (ChunkIndex chunk = chunk_of(at); at < stretch.end(); chunk = ChunkIndex{chunk.value() + 1}) {
    const std::uint64_t end = std::min(stretch.end(), start_of(chunk) + kChunkBytes);
    if (const auto view = views_.find(chunk); view != views_.end()) {
      for (const Extent& extent : view->second.extents) {
        if (extent.end() <= at) continue;
        if (extent.offset >= end) break;
        hole_to(extent.offset);
        const std::uint64_t skip = at - extent.offset, length = std::min(extent.end(), end) - at;
        result.push_back({at, length, extent.slice, extent.slice_size,
                          extent.is_hole() ? 0 : static_cast<std::uint32_t>(extent.slice_offset + skip)});
        at += length;
      }
    }
    hole_to(end);
  }
  return result;
}

Result<ExtentList> FileBytes::extents(const Scope& scope, std::uint64_t offset, std::uint64_t length) {
  for (;;) {
    std::uint64_t end;
    {
      MutexLock lock(mutex_);
      end = std::min(offset + length, committed_.length);
      if (offset >= end) return ExtentList();
      if (has_views(offset, end - offset)) return extents_of({offset, end - offset});
    }
    TRY_OK(load_views(scope, chunk_of(offset), chunk_of(end - 1)));
  }
}

void FileBytes::forget_view(ChunkIndex chunk) {
  views_.erase(chunk);
  ++views_epoch_;
  fill_.reset();
}

void FileBytes::drop_views() {
  MutexLock lock(mutex_);
  views_.clear();
  ++views_epoch_;
  fill_.reset();
}

// Writing.

Result<std::uint64_t> FileBytes::write(const Scope& scope, std::uint64_t offset, bool append, ByteSpan bytes,
                                       ByteWatcher* watcher, KeptRequest* request) {
  if (watcher != nullptr) TRY_OK(watcher->before_change(scope, append ? length() : offset, bytes.size()));
  {
    TRY(const Turn::Held held, change_turn_.take(scope));
    if (append) offset = length();
    if (request != nullptr) request->note(KeptRequest::Detail::kAppend, offset, bytes.size());
    if (offset > kFileBytesMax || bytes.size() > kFileBytesMax - offset) return Code::kFileTooBig;
    TRY_OK(write_in_turn(scope, offset, bytes, watcher));
  }
  if (watcher != nullptr) TRY_OK(watcher->settle(scope));
  return offset;
}

Result<void> FileBytes::write_back(const Scope& scope, std::uint64_t offset, ByteSpan bytes, ByteWatcher* watcher) {
  {
    TRY(const Turn::Held held, change_turn_.take(scope));
    const std::uint64_t end = length();
    if (offset >= end) return {};
    TRY_OK(write_in_turn(scope, offset, bytes.first(std::min<std::uint64_t>(bytes.size(), end - offset)), watcher));
  }
  return watcher != nullptr ? watcher->settle(scope) : Result<void>{};
}

Result<void> FileBytes::write_in_turn(const Scope& scope, std::uint64_t offset, ByteSpan bytes, ByteWatcher* watcher) {
  bool is_crowded;
  {
    MutexLock lock(mutex_);
    is_crowded = pending_.count() >= kPendingMax;
  }
  if (is_crowded) TRY_OK(flush(scope));
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = offset + done;
    const std::size_t piece = std::min<std::uint64_t>(bytes.size() - done, kChunkBytes - offset_in_chunk(at));
    TRY_OK(write_piece(scope, at, bytes.subspan(done, piece)));
    done += piece;
  }
  return watcher != nullptr && !bytes.empty() ? watcher->wrote(offset, bytes) : Result<void>{};
}

Result<void> FileBytes::write_piece(const Scope& scope, std::uint64_t offset, ByteSpan bytes) {
  for (;;) {
    const Result<void> wrote =
        write_into_slice(scope.until(context_.scheduler.clock().now() + kPatience), offset, bytes);
    if (wrote || wrote.code() != Code::kTimedOut || context_.scheduler.clock().now() >= scope.deadline) return wrote;
    // No memory is free. Those who wait for it hold none themselves, so that somebody always gets on.
    TRY_OK(flush(scope));
  }
}

Result<void> FileBytes::write_into_slice(const Scope& scope, std::uint64_t offset, ByteSpan bytes) {
  std::shared_ptr<PendingSlice> slice;
  {
    MutexLock lock(mutex_);
    slice = pending_.find_writable(offset, static_cast<std::uint32_t>(bytes.size()));
    if (slice != nullptr) slice->is_busy = true;
  }
  if (slice == nullptr) {
    TRY(const SliceId id, context_.volume.new_slice_id(scope));
    std::unique_ptr<block::SliceBuffer> buffer = context_.blocks.new_slice(id);
    MutexLock lock(mutex_);
    keep_dirty();
    slice = pending_.begin(offset, id, std::move(buffer), context_.scheduler.clock().now());
    slice->is_busy = true;
  }
  const Result<void> wrote = slice->buffer->write(scope, static_cast<std::uint32_t>(offset - slice->offset()), bytes);
  {
    MutexLock lock(mutex_);
    pending_.writer_done(*slice);
    note_change();
    written_ = context_.scheduler.clock().wall();
    modified_ = written_;
  }
  progress_->notify_all();
  return wrote;
}

void FileBytes::note_change() {
  last_change_ = context_.scheduler.clock().now();
  ++changes_;
  fill_.reset();
}

Result<void> FileBytes::flush(const Scope& scope) {
  std::uint64_t through;
  {
    MutexLock lock(mutex_);
    through = pending_.last_number();
    if (pending_.done_number() >= through) return {};
    pending_.freeze_through(through);
  }
  for (;;) {
    TRY(const Turn::Held held, commit_turn_.take(scope));
    {
      MutexLock lock(mutex_);
      if (pending_.done_number() >= through) return {};
    }
    TRY_OK(commit_some(scope, through));
  }
}

Result<void> FileBytes::commit_some(const Scope& scope, std::uint64_t through) {
  constexpr std::size_t kBatch = 64;
  std::vector<std::shared_ptr<PendingSlice>> batch;
  Timestamp modified;
  {
    MutexLock lock(mutex_);
    TRY_OK(progress_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS {
      pending_.freeze_through(through);
      batch = pending_.committable(kBatch);
      return !batch.empty() || pending_.done_number() >= through;
    }));
    modified = modified_.value_or(written_);
  }
  std::vector<meta::NewSlice> slices;
  for (const auto& slice : batch) {
    if (slice->visible == 0) continue;  // nothing got in before its writer failed
    if (Result<void> up = slice->buffer->wait_uploaded(scope); !up) {
      if (scope.stop.stop_requested() || context_.scheduler.clock().now() >= scope.deadline)
        return up;  // it may still arrive
      lose(scope, up.error());
      return up;
    }
    slices.push_back({slice->chunk, {slice->pos, slice->id, slice->visible, 0, slice->visible}});
  }
  if (slices.empty()) {
    committed(batch, attr());
    return {};
  }
  Result<Attr> attr = commit_slices(scope, slices, modified);
  if (!attr) {
    const Code code = attr.code();
    if (code != Code::kTimedOut && code != Code::kThrottled && code != Code::kInterrupted && code != Code::kConflict &&
        code != Code::kTransient)
      lose(scope, attr.error());
    return attr.error();
  }
  committed(batch, *attr);
  return {};
}

Result<Attr> FileBytes::commit_slices(const Scope& scope, std::span<const meta::NewSlice> slices, Timestamp modified) {
  std::vector<ChunkIndex> chunks;
  for (const meta::NewSlice& slice : slices) {
    if (chunks.empty() || chunks.back() != slice.chunk) chunks.push_back(slice.chunk);
  }
  TRY(const Attr attr,
      when_there_is_room(scope, chunks, [&] { return context_.volume.commit_slices(scope, ino_, slices, modified); }));
  // Who only writes never looks at a list.
  const std::uint64_t before = references_written_;
  references_written_ += slices.size();
  if (before / kCompactEvery != references_written_ / kCompactEvery && context_.list_is_long) {
    for (const ChunkIndex chunk : chunks) context_.list_is_long(ino_, chunk);
  }
  return attr;
}

Result<Attr> FileBytes::when_there_is_room(const Scope& scope, std::span<const ChunkIndex> chunks,
                                           FunctionRef<Result<Attr>()> operation) {
  const Moment patience = context_.scheduler.clock().now() + kListWaitMax;
  for (;;) {
    Result<Attr> attr = operation();
    if (attr || attr.code() != Code::kThrottled || context_.scheduler.clock().now() >= patience) return attr;
    for (const ChunkIndex chunk : chunks) {
      if (context_.list_is_long) context_.list_is_long(ino_, chunk);
    }
    TRY_OK(pause(context_.scheduler, scope, kListPoll));
  }
}

void FileBytes::committed(std::span<const std::shared_ptr<PendingSlice>> batch, const Attr& attr) {
  MutexLock lock(mutex_);
  for (const auto& slice : batch) forget_view(slice->chunk);
  pending_.pop_front(batch.size());
  if (!batch.empty()) {
    // The length that the commit left may be behind what `attr()` made up for an empty batch: only a real answer
    // counts.
    const bool is_real = std::any_of(batch.begin(), batch.end(), [](const auto& slice) { return slice->visible != 0; });
    if (is_real) set_committed(attr);
  }
  if (pending_.is_empty()) modified_.reset();
  drop_dirty_if_clean();
}

void FileBytes::keep_dirty() {
  if (context_.options.index == nullptr || kept_dirty_ != nullptr) return;
  kept_dirty_ = context_.options.index->dirty.take();
  if (kept_dirty_ != nullptr) KeptTable<KeptDirty>::publish(*kept_dirty_, ino_.value());
}

void FileBytes::drop_dirty_if_clean() {
  if (kept_dirty_ == nullptr || !pending_.is_empty()) return;
  context_.options.index->dirty.give_back(std::exchange(kept_dirty_, nullptr));
}

void FileBytes::note_lost() {
  MutexLock lock(mutex_);
  last_error_ = Error(Code::kIo, "the server died before these bytes were stored");
  ++errors_;
}

void FileBytes::lose(const Scope& scope, const Error& error) {
  std::vector<std::shared_ptr<PendingSlice>> lost;
  std::uint64_t bytes = 0;
  {
    MutexLock lock(mutex_);
    lost = pending_.take_idle();
    for (const auto& slice : lost) bytes += slice->visible;
    if (pending_.is_empty()) modified_.reset();
    last_error_ = error;
    ++errors_;
    note_change();
    drop_dirty_if_clean();
  }
  context_.log.error("written data could not be stored",
                     {{"ino", std::to_string(ino_.value())}, {"bytes", std::to_string(bytes)}, {"err", error.text()}});
  for (const auto& slice : lost) {
    // With an unknown outcome the commit may stand: its objects stay, and gc finds them if it does not.
    if (error.code == Code::kUnknownOutcome) continue;
    slice->buffer->finish();
    if (const Result<void> discarded = slice->buffer->discard(scope); !discarded) {
      context_.log.warn("objects of a lost write stay behind",
                        {{"slice", std::to_string(slice->id.value())}, {"err", discarded.error().text()}});
    }
  }
}

Result<void> FileBytes::take_error(std::uint64_t& seen) const {
  MutexLock lock(mutex_);
  if (seen == errors_) return {};
  seen = errors_;
  return *last_error_;
}

std::uint64_t FileBytes::error_count() const {
  MutexLock lock(mutex_);
  return errors_;
}

void FileBytes::set_modified(Timestamp modified) {
  MutexLock lock(mutex_);
  if (modified_) modified_ = modified;
}

bool FileBytes::is_dirty() const {
  MutexLock lock(mutex_);
  return !pending_.is_empty();
}

std::uint64_t FileBytes::dirty_bytes() const {
  MutexLock lock(mutex_);
  return pending_.bytes();
}

Moment FileBytes::oldest_dirty() const {
  MutexLock lock(mutex_);
  return pending_.oldest();
}

Moment FileBytes::last_change() const {
  MutexLock lock(mutex_);
  return last_change_;
}

std::uint64_t FileBytes::change_count() const {
  MutexLock lock(mutex_);
  return changes_;
}

}  // namespace headrace::vfs
