// SPDX-License-Identifier: Apache-2.0
// Attempt, look, pause, attempt.
#include "object/retrying_store.h"

namespace headrace::object {

RetryingStore::RetryingStore(ObjectStore& inner, Scheduler& scheduler, std::uint64_t seed, const RetryPolicy& policy,
                             RequestObserver* observer)
    : inner_(inner), scheduler_(scheduler), policy_(policy), observer_(observer), budget_(policy), rng_(seed) {}

template <class Request>
auto RetryingStore::retried(const Scope& outer, Method method, Duration attempt_max, bool retries_damage,
                            Request request) {
  const Scope scope = outer.until(scheduler_.clock().now() + policy_.request_max);
  bool was_damaged = false;
  for (std::uint32_t attempts = 1;; ++attempts) {
    ++attempts_;
    auto result = request(scope.until(scheduler_.clock().now() + attempt_max));
    if (result) {
      budget_.on_success();
      return result;
    }
    const Code code = result.code();
    const bool is_first_damage = code == Code::kDamaged && retries_damage && !was_damaged;
    was_damaged = was_damaged || code == Code::kDamaged;
    if (!is_retryable(code) && !is_first_damage) return result;
    if (!pause_before_retry(scope, code, attempts)) return result;
    ++retries_;
    if (observer_ != nullptr) observer_->on_retry(method);
  }
}

bool RetryingStore::pause_before_retry(const Scope& scope, Code code, std::uint32_t attempts) {
  const Duration length = retry_pause(policy_, code, attempts, rng_);
  if (scheduler_.clock().now() + length >= scope.deadline) {
    ++out_of_time_;
    return false;
  }
  if (!budget_.take(code)) {
    ++out_of_tokens_;
    return false;
  }
  return pause(scheduler_, scope, length).has_value();
}

Result<GetResult> RetryingStore::get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                     MutableByteSpan into) {
  return retried(scope, Method::kGet, policy_.get_attempt_max, true,
                 [&](const Scope& attempt) { return inner_.get(attempt, key, offset, into); });
}

Result<void> RetryingStore::put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) {
  return retried(scope, Method::kPut, policy_.put_attempt_max, false,
                 [&](const Scope& attempt) { return inner_.put(attempt, key, parts); });
}

Result<ObjectInfo> RetryingStore::head(const Scope& scope, std::string_view key) {
  return retried(scope, Method::kHead, policy_.other_attempt_max, false,
                 [&](const Scope& attempt) { return inner_.head(attempt, key); });
}

Result<void> RetryingStore::remove(const Scope& scope, std::span<const std::string> keys) {
  return retried(scope, Method::kRemove, policy_.other_attempt_max, false,
                 [&](const Scope& attempt) { return inner_.remove(attempt, keys); });
}

Result<ListPage> RetryingStore::list(const Scope& scope, std::string_view prefix, std::string_view after,
                                     std::size_t limit) {
  return retried(scope, Method::kList, policy_.other_attempt_max, false,
                 [&](const Scope& attempt) { return inner_.list(attempt, prefix, after, limit); });
}

RetryStats RetryingStore::stats() const { return {attempts_, retries_, out_of_time_, out_of_tokens_}; }

}  // namespace headrace::object
