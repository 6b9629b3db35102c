// SPDX-License-Identifier: Apache-2.0
// Pauses, computed from what was moved.
#include "object/throttled_store.h"

#include <algorithm>

#include "object/scope_check.h"

namespace headrace::object {
namespace {

Duration time_for(std::uint64_t bytes, std::uint64_t bytes_per_second) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(bytes) / static_cast<double>(bytes_per_second) * 1e9));
}

}  // namespace

/// One of the requests that may run at a time.
class ThrottledStore::Connection {
 public:
  explicit Connection(ThrottledStore& store) : store_(store) {}
  ~Connection() {
    if (!is_open_) return;
    MutexLock lock(store_.mutex_);
    --store_.connections_;
    store_.connection_ended_->notify_all();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<void> open(const Scope& scope) {
    TRY_OK(check_scope(scope, store_.scheduler_.clock()));
    MutexLock lock(store_.mutex_);
    const std::uint32_t most = store_.options_.connections_max;
    TRY_OK(store_.connection_ended_->wait(
        scope, store_.mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return most == 0 || store_.connections_ < most; }));
    ++store_.connections_;
    is_open_ = true;
    return {};
  }

 private:
  ThrottledStore& store_;
  bool is_open_ = false;
};

ThrottledStore::ThrottledStore(ObjectStore& inner, Scheduler& scheduler, const ThrottleOptions& options)
    : inner_(inner), scheduler_(scheduler), options_(options), connection_ended_(scheduler.new_event()) {}

Result<void> ThrottledStore::rest(const Scope& scope, Moment until) {
  const Duration left = until - scheduler_.clock().now();
  if (left <= Duration::zero()) return {};
  return pause(scheduler_, scope, left);
}

Result<void> ThrottledStore::pass(const Scope& scope, Moment start, std::uint64_t bytes) {
  Moment end = start + options_.latency;
  if (options_.connection_bytes_per_second != 0) end += time_for(bytes, options_.connection_bytes_per_second);
  if (options_.bytes_per_second != 0) {
    const Moment now = scheduler_.clock().now();
    MutexLock lock(mutex_);
    const Moment earliest = now - time_for(options_.burst_bytes, options_.bytes_per_second);
    all_free_at_ = std::max(all_free_at_, earliest) + time_for(bytes, options_.bytes_per_second);
    end = std::max(end, all_free_at_);
  }
  return rest(scope, end);
}

Result<GetResult> ThrottledStore::get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                      MutableByteSpan into) {
  Connection connection(*this);
  TRY_OK(connection.open(scope));
  const Moment start = scheduler_.clock().now();
  Result<GetResult> result = inner_.get(scope, key, offset, into);
  TRY_OK(pass(scope, start, result ? result->bytes : 0));
  return result;
}

Result<void> ThrottledStore::put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) {
  Connection connection(*this);
  TRY_OK(connection.open(scope));
  const Moment start = scheduler_.clock().now();
  std::uint64_t bytes = 0;
  for (const ByteSpan part : parts) bytes += part.size();
  TRY_OK(inner_.put(scope, key, parts));
  return pass(scope, start, bytes);
}

Result<ObjectInfo> ThrottledStore::head(const Scope& scope, std::string_view key) {
  Connection connection(*this);
  TRY_OK(connection.open(scope));
  TRY_OK(rest(scope, scheduler_.clock().now() + options_.latency));
  return inner_.head(scope, key);
}

Result<void> ThrottledStore::remove(const Scope& scope, std::span<const std::string> keys) {
  Connection connection(*this);
  TRY_OK(connection.open(scope));
  TRY_OK(rest(scope, scheduler_.clock().now() + options_.latency));
  return inner_.remove(scope, keys);
}

Result<ListPage> ThrottledStore::list(const Scope& scope, std::string_view prefix, std::string_view after,
                                      std::size_t limit) {
  Connection connection(*this);
  TRY_OK(connection.open(scope));
  TRY_OK(rest(scope, scheduler_.clock().now() + options_.latency));
  return inner_.list(scope, prefix, after, limit);
}

}  // namespace headrace::object
