// SPDX-License-Identifier: Apache-2.0
// The one place where requests to a bucket are tried again: nothing above or below it retries. Every request here may
// be repeated: keys of blocks are written once, always with the same bytes.
#pragma once

#include <atomic>

#include "base/event.h"
#include "base/rng.h"
#include "object/metered_store.h"
#include "object/object_store.h"
#include "object/retry.h"

namespace headrace::object {

struct RetryStats {
  std::uint64_t attempts = 0;  // first ones included
  std::uint64_t retries = 0;
  std::uint64_t out_of_time = 0;    // given up: the next pause would pass the deadline
  std::uint64_t out_of_tokens = 0;  // given up: too many others retry
};

/// Thread-safe. Tries again what is_retryable(), and once a get that was kDamaged, since the transfer may be at fault.
/// The error is that of the last attempt. `inner`, `scheduler` and `observer`, which may be null, outlive it.
class RetryingStore final : public ObjectStore {
 public:
  RetryingStore(ObjectStore& inner, Scheduler& scheduler, std::uint64_t seed, const RetryPolicy& policy = {},
                RequestObserver* observer = nullptr);

  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override;
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override;
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override;
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override;
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override;
  const StoreTraits& traits() const override { return inner_.traits(); }

  RetryStats stats() const;

 private:
  template <class Request>
  auto retried(const Scope& scope, Method method, Duration attempt_max, bool retries_damage, Request request);
  bool pause_before_retry(const Scope& scope, Code code, std::uint32_t attempts);

  ObjectStore& inner_;
  Scheduler& scheduler_;
  const RetryPolicy policy_;
  RequestObserver* const observer_;
  RetryBudget budget_;
  Rng rng_;
  std::atomic<std::uint64_t> attempts_{0}, retries_{0}, out_of_time_{0}, out_of_tokens_{0};
};

}  // namespace headrace::object
