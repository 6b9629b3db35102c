// SPDX-License-Identifier: Apache-2.0
// Whether, when and how often a request is tried again. The decisions, apart from the store that acts on them: pauses
// with full jitter, and a bucket of tokens so that retries cannot become the load (the numbers are those of the AWS
// SDKs' standard mode).
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/code.h"
#include "base/mutex.h"
#include "base/rng.h"

namespace headrace::object {

struct RetryPolicy {
  /// A pause is anything between nothing and base × 2^(attempts so far - 1), at most pause_max.
  Duration pause_base = std::chrono::milliseconds(50);
  Duration throttled_pause_base = std::chrono::milliseconds(500);
  Duration pause_max = std::chrono::seconds(5);
  /// How long one attempt may take.
  Duration get_attempt_max = std::chrono::seconds(60);
  Duration put_attempt_max = std::chrono::seconds(60);
  Duration other_attempt_max = std::chrono::seconds(30);
  /// How long a request may take with all its attempts, where its scope leaves it more.
  Duration request_max = std::chrono::minutes(10);
  std::uint32_t tokens_max = 500, retry_cost = 5, timed_out_retry_cost = 10, success_refund = 1;
};

/// The pause before the next attempt, when `attempts` have failed, the last with `code`.
Duration retry_pause(const RetryPolicy& policy, Code code, std::uint32_t attempts, Rng& rng);

/// The tokens of one destination. Starts full. Thread-safe.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryPolicy& policy);
  /// Takes what a retry after `code` costs; false: too few are left, and nothing was taken.
  bool take(Code code);
  void on_success();
  std::uint32_t tokens() const;

 private:
  const std::uint32_t tokens_max_, retry_cost_, timed_out_retry_cost_, success_refund_;
  mutable Mutex mutex_;
  std::uint32_t tokens_ GUARDED_BY(mutex_);
};

}  // namespace headrace::object
