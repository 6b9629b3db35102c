// SPDX-License-Identifier: Apache-2.0
// Polling the version of a database.
#include "records/sqlite/change_watch.h"

#include <utility>
#include <vector>

namespace headrace::records {

/// Shared with the objects that watchers hold, which may end later than the watch.
struct ChangeWatch::Watchers {
  explicit Watchers(Scheduler& scheduler) : changed(scheduler.new_event()) {}
  Mutex mutex;
  std::map<std::uint64_t, std::shared_ptr<const Callback>> callbacks GUARDED_BY(mutex);
  std::uint64_t next_id GUARDED_BY(mutex) = 1;
  std::uint64_t running GUARDED_BY(mutex) = 0;  // whose callback runs; 0: none
  std::thread::id caller GUARDED_BY(mutex);     // and on which thread
  std::unique_ptr<Event> changed;

  void remove(std::uint64_t id) {
    MutexLock lock(mutex);
    callbacks.erase(id);
    changed->notify_all();
    if (caller == std::this_thread::get_id()) return;
    (void)changed->wait(Scope{}, mutex, [this, id]() NO_THREAD_SAFETY_ANALYSIS { return running != id; });
  }

  void call_all() {
    std::vector<std::pair<std::uint64_t, std::shared_ptr<const Callback>>> all;
    {
      MutexLock lock(mutex);
      all.assign(callbacks.begin(), callbacks.end());
      caller = std::this_thread::get_id();
    }
    for (const auto& [id, callback] : all) {
      {
        MutexLock lock(mutex);
        if (!callbacks.contains(id)) continue;
        running = id;
      }
      (*callback)({});
      MutexLock lock(mutex);
      running = 0;
      changed->notify_all();
    }
    MutexLock lock(mutex);
    caller = {};
  }
};

ChangeWatch::ChangeWatch(Scheduler& scheduler, SqliteDatabase& database, WriterStore* store, Duration interval)
    : scheduler_(scheduler),
      database_(database),
      store_(store),
      interval_(interval),
      watchers_(std::make_shared<Watchers>(scheduler)) {}

std::shared_ptr<void> ChangeWatch::add(Callback changed) {
  std::uint64_t id = 0;
  {
    MutexLock lock(watchers_->mutex);
    id = watchers_->next_id++;
    watchers_->callbacks.emplace(id, std::make_shared<const Callback>(std::move(changed)));
    watchers_->changed->notify_all();
  }
  MutexLock lock(mutex_);
  if (!is_closed_ && !is_started_) {
    is_started_ = true;
    lock.unlock();
    // From here on nothing is missed. Where this fails, the thread tries again.
    (void)settle(Scope{scheduler_.clock().now() + interval_, {}});
    lock.lock();
    if (!is_closed_)
      thread_ = scheduler_.new_thread("meta-watch", [this](std::stop_token stop) { run(Scope{Moment::max(), stop}); });
  }
  return std::shared_ptr<void>(this, [watchers = watchers_, id](void*) { watchers->remove(id); });
}

void ChangeWatch::close() {
  MutexLock lock(mutex_);
  is_closed_ = true;
  std::jthread ending = std::move(thread_);
  lock.unlock();
  ending.request_stop();
  if (ending.joinable()) ending.join();
  connection_.reset();
}

/// Sleeps without an end while nobody watches.
void ChangeWatch::run(const Scope& scope) {
  while (true) {
    {
      MutexLock lock(watchers_->mutex);
      const auto somebody = [this]() NO_THREAD_SAFETY_ANALYSIS { return !watchers_->callbacks.empty(); };
      if (!watchers_->changed->wait(scope, watchers_->mutex, somebody)) return;
    }
    look(scope);
    if (!pause(scheduler_, scope, interval_)) return;
  }
}

void ChangeWatch::look(const Scope& scope) {
  const Result<bool> changed = has_changed(scope.until(scheduler_.clock().now() + interval_));
  if (changed && *changed) watchers_->call_all();
}

Result<std::int64_t> ChangeWatch::version_now() {
  TRY_OK(connection_->begin_reading());
  const Result<std::int64_t> version = connection_->data_version();
  connection_->roll_back();
  return version;
}

Result<void> ChangeWatch::settle(const Scope& scope) {
  TRY(std::unique_ptr<Connection> connection, database_.connect());
  connection_ = std::move(connection);
  if (store_ != nullptr) {
    TRY_OK(store_->look_for_foreign_change(scope));
    (void)store_->take_foreign_change();
    commits_ended_ = store_->commits_ended();
  }
  TRY(version_, version_now());
  is_settled_ = true;
  return {};
}

/// This connection sees every commit, the writing one only those of others. When one of ours may be among what came,
/// the writing one is asked.
Result<bool> ChangeWatch::has_changed(const Scope& scope) {
  if (!is_settled_) {
    TRY_OK(settle(scope));
    return true;
  }
  const std::uint64_t ended = store_ == nullptr ? 0 : store_->commits_ended();
  TRY(const std::int64_t version, version_now());
  const bool has_moved = version != version_;
  const bool none_was_ours = store_ == nullptr || store_->commits_begun() == commits_ended_;
  version_ = version;
  commits_ended_ = ended;
  if (has_moved && none_was_ours) return true;
  if (store_ == nullptr) return false;
  is_unsure_ = is_unsure_ || has_moved;
  if (is_unsure_) {
    TRY_OK(store_->look_for_foreign_change(scope));
    is_unsure_ = false;
  }
  return store_->take_foreign_change();
}

}  // namespace headrace::records
