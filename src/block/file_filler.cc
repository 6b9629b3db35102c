// SPDX-License-Identifier: Apache-2.0
// Jobs take stretches of a file from its front to its end until none are left or one has failed.
#include "block/file_filler.h"

#include <algorithm>

#include "base/check.h"

namespace headrace::block {

class FileFiller::Fill final : public FileFill {
 public:
  Fill(Scheduler& scheduler, std::shared_ptr<NodeFile> node_file, std::shared_ptr<const ExtentList> all)
      : extents(std::move(all)), file_(std::move(node_file)), changed_(scheduler.new_event()) {}

  Result<void> wait(const Scope& scope) override {
    MutexLock lock(mutex_);
    TRY_OK(changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return has_ended_; }));
    return result_;
  }
  Result<bool> reach(const Scope& scope, std::uint64_t offset, std::uint64_t length) override {
    const auto is_there = [&] { return file_->has(offset, length); };
    if (is_there()) return true;
    MutexLock lock(mutex_);
    if (offset + length > next) return false;  // nobody has begun with it
    TRY_OK(changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return has_ended_ || is_there(); }));
    return is_there();
  }
  void cancel() override { fail(Error(Code::kInterrupted, "the fill was cancelled")); }
  const std::shared_ptr<NodeFile>& file() const override { return file_; }
  std::uint64_t bytes_done() const override { return done; }
  bool has_ended() const override {
    MutexLock lock(mutex_);
    return has_ended_;
  }

  /// The first failure stays; the other jobs stop soon.
  void fail(const Error& error) {
    {
      MutexLock lock(mutex_);
      if (!has_ended_ && result_) result_ = error;
    }
    stop.request_stop();
  }
  void begin_job() {
    MutexLock lock(mutex_);
    ++jobs_;
  }
  /// More of the file is there.
  void announce_progress() {
    MutexLock lock(mutex_);
    changed_->notify_all();
  }
  /// Whether it was the last one.
  bool end_job() {
    MutexLock lock(mutex_);
    return --jobs_ == 0;
  }
  void announce_end() {
    MutexLock lock(mutex_);
    has_ended_ = true;
    changed_->notify_all();
  }
  Result<void> result() const {
    MutexLock lock(mutex_);
    return result_;
  }

  const std::shared_ptr<const ExtentList> extents;
  std::atomic<std::uint64_t> next{0}, done{0};
  std::stop_source stop;

 private:
  const std::shared_ptr<NodeFile> file_;
  mutable Mutex mutex_;
  std::uint32_t jobs_ GUARDED_BY(mutex_) = 0;
  bool has_ended_ GUARDED_BY(mutex_) = false;
  Result<void> result_ GUARDED_BY(mutex_);
  const std::unique_ptr<Event> changed_;
};

FileFiller::FileFiller(BlockStore& blocks, NodeTier& tier, Budget& budget, Scheduler& scheduler,
                       const FillerOptions& options)
    : blocks_(blocks),
      tier_(tier),
      options_(options),
      scheduler_(scheduler),
      pool_(budget, options.stretch_bytes),
      activity_(scheduler),
      threads_(scheduler, "fill", std::max<std::uint32_t>(1, options.threads),
               std::max<std::uint32_t>(1, options.queue_max)) {
  CHECK(options.stretch_bytes > 0 && options.stretch_bytes % kFillUnit == 0);
}

FileFiller::~FileFiller() {
  std::vector<FillPointer> all;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, fill] : fills_now_) all.push_back(fill);
  }
  for (const FillPointer& fill : all) fill->cancel();
  threads_.close();
}

Result<FileFiller::FillPointer> FileFiller::find_or_begin(const CopyKey& key, std::shared_ptr<const ExtentList> extents,
                                                          bool& is_new) {
  is_new = false;
  {
    MutexLock lock(mutex_);
    const auto found = fills_now_.find(key);
    if (found != fills_now_.end()) return found->second;
  }
  TRY(std::shared_ptr<NodeFile> file, tier_.find_or_create(key));
  auto fill = std::make_shared<Fill>(scheduler_, std::move(file), std::move(extents));
  fill->begin_job();  // this call is the first
  MutexLock lock(mutex_);
  const auto [at, was_added] = fills_now_.try_emplace(key, fill);
  is_new = was_added;
  return at->second;
}

Result<std::shared_ptr<FileFill>> FileFiller::fill(const Scope& scope, const CopyKey& key,
                                                   std::shared_ptr<const ExtentList> extents) {
  const Active active(activity_);
  if (!active.has_begun()) return Code::kBadHandle;
  bool is_new = false;
  TRY(const FillPointer fill, find_or_begin(key, std::move(extents), is_new));
  if (!is_new) {
    ++fills_shared_;
    return std::shared_ptr<FileFill>(fill);
  }
  ++fills_;
  CHECK(activity_.begin());  // the fill itself, besides this call
  const Result<void> started = fill->file()->is_complete() ? Result<void>() : start(scope, fill);
  if (!started) fill->fail(started.error());
  end_job(*fill);
  if (!started) return started.error();
  return std::shared_ptr<FileFill>(fill);
}

Result<void> FileFiller::start(const Scope& scope, const FillPointer& fill) {
  const std::uint64_t stretches = (fill->file()->key().length + options_.stretch_bytes - 1) / options_.stretch_bytes;
  const std::uint64_t jobs = std::min<std::uint64_t>(stretches, std::max<std::uint32_t>(1, options_.threads_per_file));
  for (std::uint64_t i = 0; i < jobs; ++i) {
    const auto job = [this, fill] {
      work(*fill);
      end_job(*fill);
    };
    fill->begin_job();
    // The first one needs a place in the queue; the others make it faster if there is one.
    const Result<void> submitted = i == 0 ? threads_.submit(scope, job) : threads_.try_submit(job);
    if (submitted) continue;
    fill->end_job();
    if (i == 0) return submitted;
  }
  return {};
}

void FileFiller::work(Fill& fill) {
  const std::uint64_t length = fill.file()->key().length;
  while (!fill.stop.stop_requested()) {
    const std::uint64_t offset = fill.next.fetch_add(options_.stretch_bytes);
    if (offset >= length) return;
    const Result<void> filled = fill_stretch(fill, offset);
    if (!filled) return fill.fail(filled.error());
  }
}

Result<void> FileFiller::fill_stretch(Fill& fill, std::uint64_t offset) {
  NodeFile& file = *fill.file();
  const std::uint64_t length = std::min(options_.stretch_bytes, file.key().length - offset);
  if (!file.has(offset, length)) {
    const Scope scope{Moment::max(), fill.stop.get_token()};
    TRY(Buffer buffer, pool_.take(scope, length));
    const auto first = std::ranges::upper_bound(*fill.extents, offset, {}, &Extent::end);
    const std::span<const Extent> extents(first, fill.extents->end());
    TRY_OK(blocks_.read_uncached(scope, extents, offset, buffer.span(length)));
    for (std::uint64_t at = 0; at < length; at += kFillUnit) {
      TRY_OK(file.fill(offset + at, buffer.span(length).subspan(at, std::min(kFillUnit, length - at))));
    }
    fill.announce_progress();
    filled_bytes_ += length;
  }
  fill.done += length;
  return {};
}

void FileFiller::end_job(Fill& fill) {
  if (!fill.end_job()) return;
  ++(fill.result() ? fills_completed_ : fills_failed_);
  FillPointer dropped;
  {
    MutexLock lock(mutex_);
    const auto found = fills_now_.find(fill.file()->key());
    if (found != fills_now_.end() && found->second.get() == &fill) {
      dropped = std::move(found->second);
      fills_now_.erase(found);
    }
  }
  fill.announce_end();
  activity_.end();
}

FillerStats FileFiller::stats() const {
  FillerStats stats{fills_, fills_shared_, fills_completed_, fills_failed_, filled_bytes_, 0};
  MutexLock lock(mutex_);
  stats.fills_now = fills_now_.size();
  return stats;
}

}  // namespace headrace::block
