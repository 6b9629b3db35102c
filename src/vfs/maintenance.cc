// SPDX-License-Identifier: Apache-2.0
// One thread, a few clocks.
#include "vfs/maintenance.h"

#include <algorithm>

#include "meta/overlay.h"

namespace headrace::vfs {
namespace {

constexpr Duration kHour = std::chrono::minutes(54);            // the real client's gate
constexpr Duration kLockPoll = std::chrono::milliseconds(500);  // other mounts give locks back without a word
constexpr Duration kRoundMax = std::chrono::seconds(120);
constexpr Duration kDiscardMax = std::chrono::seconds(30);
constexpr std::size_t kBatch = 100;
constexpr std::size_t kCompactionsMax = 1000;
constexpr std::size_t kCopyBytes = 4u << 20;

}  // namespace

Maintenance::Maintenance(const Context& context, FileTable& files, Locks& locks)
    : context_(context), files_(files), locks_(locks), changed_(context.scheduler.new_event()) {
  const Moment now = context_.scheduler.clock().now();
  next_beat_ = now + context_.options.heartbeat;
  next_hourly_ = now + std::chrono::minutes(1);
  thread_ = context_.scheduler.new_thread("maintenance", [this](std::stop_token stop) { run(stop); });
}

void Maintenance::files_deleted() {
  {
    MutexLock lock(mutex_);
    if (has_deleted_) return;
    has_deleted_ = true;
  }
  changed_->notify_all();
}

void Maintenance::suggest_compaction(Ino ino, ChunkIndex chunk) {
  if (!context_.options.background_jobs || context_.options.is_read_only) return;
  {
    MutexLock lock(mutex_);
    if (compactions_.size() >= kCompactionsMax || !compacting_.insert({ino, chunk}).second) return;
    compactions_.push_back({ino, chunk});
  }
  changed_->notify_all();
}

void Maintenance::run(std::stop_token stop) {
  const Clock& clock = context_.scheduler.clock();
  while (!stop.stop_requested()) {
    Moment next = std::min(next_beat_, next_hourly_);
    if (locks_.has_parked()) next = std::min(next, clock.now() + kLockPoll);
    bool has_deleted = false;
    std::deque<Chunk> compactions;
    {
      MutexLock lock(mutex_);
      const Result<void> woken = changed_->wait(
          {next, stop}, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return has_deleted_ || !compactions_.empty(); });
      if (!woken && woken.code() == Code::kInterrupted) return;
      has_deleted = std::exchange(has_deleted_, false);
      std::swap(compactions, compactions_);
    }
    const Scope scope{clock.now() + kRoundMax, stop};
    if (locks_.has_parked()) locks_.retry_all(scope);
    if (has_deleted && context_.options.background_jobs && !context_.options.is_read_only)
      release_data(scope, Duration(0));
    for (const Chunk& chunk : compactions) {
      if (Result<void> compacted = compact(scope, chunk);
          !compacted && compacted.code() != Code::kConflict && compacted.code() != Code::kNotFound) {
        context_.log.warn("compaction failed",
                          {{"ino", std::to_string(chunk.first.value())}, {"err", compacted.error().text()}});
      }
      MutexLock lock(mutex_);
      compacting_.erase(chunk);
    }
    if (clock.now() >= next_beat_) beat(scope);
    if (clock.now() >= next_hourly_) hourly(scope);
  }
}

void Maintenance::beat(const Scope& scope) {
  next_beat_ = context_.scheduler.clock().now() + context_.options.heartbeat;
  if (Result<void> alive = context_.volume.heartbeat(scope); !alive) {
    if (alive.code() == Code::kStale) {
      if (!std::exchange(is_lost_, true) && context_.volume_lost) context_.volume_lost(alive.error());
      return;
    }
    context_.log.error("the session could not be renewed", {{"err", alive.error().text()}});
  }
  if (!context_.options.background_jobs || context_.options.is_read_only) return;
  if (const Result<bool> mine =
          context_.volume.claim_job(scope, "lastCleanupSessions", context_.options.heartbeat * 9 / 10);
      mine && *mine) {
    if (Result<std::size_t> reaped = context_.volume.reap_sessions(scope); !reaped) {
      context_.log.warn("dead sessions could not be cleaned up", {{"err", reaped.error().text()}});
    } else if (*reaped != 0) {
      context_.log.info("cleaned up after dead sessions", {{"sessions", std::to_string(*reaped)}});
      files_deleted();
    }
  }
}

void Maintenance::hourly(const Scope& scope) {
  next_hourly_ = context_.scheduler.clock().now() + kHour;
  if (!context_.options.background_jobs || context_.options.is_read_only || is_lost_) return;
  if (const Result<bool> mine = context_.volume.claim_job(scope, "lastCleanupTrash", kHour); mine && *mine) {
    if (Result<std::size_t> gone = context_.volume.expire_trash(scope, 10'000); !gone)
      context_.log.warn("the trash could not be emptied", {{"err", gone.error().text()}});
    if (Result<std::size_t> gone = context_.volume.expire_delayed_slices(scope, 10'000); !gone) {
      context_.log.warn("retired slices could not be released", {{"err", gone.error().text()}});
    }
  }
  if (const Result<bool> mine = context_.volume.claim_job(scope, "lastCleanupFiles", kHour); mine && *mine)
    release_data(scope, std::chrono::hours(1));
}

void Maintenance::release_data(const Scope& scope, Duration age) {
  for (;;) {
    const Result<std::size_t> released = context_.volume.release_deleted_files(scope, age, kBatch);
    if (!released) {
      context_.log.warn("deleted files could not be released", {{"err", released.error().text()}});
      return;
    }
    const Result<std::vector<meta::DoomedSlice>> doomed = context_.volume.doomed_slices(scope, kBatch);
    if (!doomed) {
      context_.log.warn("slices without a reference could not be listed", {{"err", doomed.error().text()}});
      return;
    }
    for (const meta::DoomedSlice& slice : *doomed) {
      Result<void> gone = context_.blocks.remove_slice(scope, slice.slice, slice.size);
      if (gone) gone = context_.volume.forget_slice(scope, slice);
      if (gone) continue;
      context_.log.warn("objects could not be removed",
                        {{"slice", std::to_string(slice.slice.value())}, {"err", gone.error().text()}});
      return;
    }
    if (*released < kBatch && doomed->size() < kBatch) return;
  }
}

Result<void> Maintenance::compact(const Scope& scope, const Chunk& chunk) {
  TRY(const std::optional<meta::CompactionPlan> plan,
      context_.volume.plan_compaction(scope, chunk.first, chunk.second));
  if (!plan) return {};
  TRY(const SliceId id, context_.volume.new_slice_id(scope));
  const std::unique_ptr<block::SliceBuffer> buffer = context_.blocks.new_slice(id);
  const std::uint64_t start = start_of(plan->chunk) + plan->pos;
  std::vector<std::byte> bytes(std::min<std::size_t>(kCopyBytes, plan->size));
  Result<void> copied;
  for (std::uint32_t done = 0; done < plan->size && copied;) {
    const MutableByteSpan piece = MutableByteSpan(bytes).first(std::min<std::size_t>(bytes.size(), plan->size - done));
    copied = context_.blocks.read(scope, meta::clip(plan->extents, start + done, start + done + piece.size()),
                                  start + done, piece);
    if (copied) copied = buffer->write(scope, done, piece);
    done += static_cast<std::uint32_t>(piece.size());
  }
  buffer->finish();
  if (copied) copied = buffer->wait_uploaded(scope);
  if (copied) copied = context_.volume.commit_compaction(scope, *plan, id);
  if (!copied) {
    // After an unknown outcome the list may name the new slice: its objects stay.
    // The objects go also when this mount is just ending: its stop is not for them.
    if (copied.code() != Code::kUnknownOutcome)
      TRY_OK(buffer->discard({context_.scheduler.clock().now() + kDiscardMax, {}}));
    return copied;
  }
  if (context_.has_compacted) context_.has_compacted(plan->size);
  if (const std::shared_ptr<OpenFile> file = files_.find(plan->ino)) file->bytes().drop_views();
  files_deleted();  // what the new slice replaced may be without a reference now
  return {};
}

void Maintenance::finish(const Scope& scope) {
  if (context_.options.is_read_only || !context_.options.background_jobs) return;
  {
    MutexLock lock(mutex_);
    if (!std::exchange(has_deleted_, false)) return;
  }
  release_data(scope, Duration(0));
}

void Maintenance::close() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace headrace::vfs
