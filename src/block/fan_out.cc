// SPDX-License-Identifier: Apache-2.0
// A counter, an error and a way to stop, shared by the reader and its jobs.
#include "block/fan_out.h"

#include "base/check.h"

namespace headrace::block {
namespace {

class FanOut {
 public:
  explicit FanOut(Scheduler& scheduler) : changed_(scheduler.new_event()) {}

  void expect_one() {
    MutexLock lock(mutex_);
    ++pending_;
  }
  void end_one(const Result<void>& result) {
    MutexLock lock(mutex_);
    --pending_;
    if (!result && first_error_) first_error_ = result;
    if (pending_ == 0 || !first_error_) changed_->notify_all();
  }
  /// Until all have ended, or one has failed.
  Result<void> wait(const Scope& scope) {
    MutexLock lock(mutex_);
    TRY_OK(changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return pending_ == 0 || !first_error_; }));
    return first_error_;
  }
  /// Fetches that nobody else waits for end soon after.
  void stop() { stop_.request_stop(); }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  Mutex mutex_;
  std::size_t pending_ GUARDED_BY(mutex_) = 0;
  Result<void> first_error_ GUARDED_BY(mutex_);
  std::stop_source stop_;
  std::unique_ptr<Event> changed_;
};

}  // namespace

Result<void> fetch_side_by_side(const FanOutContext& context, const Scope& scope, const std::vector<BlockParts>& blocks,
                                MutableByteSpan into) {
  const auto target = std::make_shared<ReadTarget>(context.scheduler, into);
  const auto all = std::make_shared<FanOut>(context.scheduler);
  std::vector<BlockParts> own = {blocks.front()};
  for (const BlockParts& parts : std::span(blocks).subspan(1)) {
    all->expect_one();
    CHECK(context.activity.begin());
    // The job outlives a reader that leaves: what it needs is its own.
    const Result<void> submitted = context.pool.try_submit(
        [context, all, target, deadline = scope.deadline, owned = std::vector(parts.begin(), parts.end())] {
          const Scope job_scope{deadline, all->token()};
          all->end_one(target->has_left() ? Result<void>(Code::kInterrupted)
                                          : context.fetcher.read(job_scope, owned, *target, false));
          context.activity.end();
        });
    if (submitted) continue;
    context.activity.end();
    all->end_one({});
    own.push_back(parts);
  }
  Result<void> result;
  for (const BlockParts& parts : own) {
    if (result) result = context.fetcher.read(scope, parts, *target, true);
  }
  if (result) result = all->wait(scope);
  if (!result) all->stop();
  target->leave();
  return result;
}

}  // namespace headrace::block
