// SPDX-License-Identifier: Apache-2.0
// Arithmetic.
#include "object/retry.h"

#include <algorithm>

namespace headrace::object {

Duration retry_pause(const RetryPolicy& policy, Code code, std::uint32_t attempts, Rng& rng) {
  const Duration base = code == Code::kThrottled ? policy.throttled_pause_base : policy.pause_base;
  Duration most = std::min(base, policy.pause_max);
  for (std::uint32_t i = 1; i < attempts && most < policy.pause_max; ++i) most = std::min(most * 2, policy.pause_max);
  return Duration(static_cast<Duration::rep>(rng.unit() * static_cast<double>(most.count())));
}

RetryBudget::RetryBudget(const RetryPolicy& policy)
    : tokens_max_(policy.tokens_max),
      retry_cost_(policy.retry_cost),
      timed_out_retry_cost_(policy.timed_out_retry_cost),
      success_refund_(policy.success_refund),
      tokens_(policy.tokens_max) {}

bool RetryBudget::take(Code code) {
  const std::uint32_t cost = code == Code::kTimedOut ? timed_out_retry_cost_ : retry_cost_;
  MutexLock lock(mutex_);
  if (tokens_ < cost) return false;
  tokens_ -= cost;
  return true;
}

void RetryBudget::on_success() {
  MutexLock lock(mutex_);
  tokens_ = std::min(tokens_max_, tokens_ + success_refund_);
}

std::uint32_t RetryBudget::tokens() const {
  MutexLock lock(mutex_);
  return tokens_;
}

}  // namespace headrace::object
