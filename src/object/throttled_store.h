// SPDX-License-Identifier: Apache-2.0
// A bucket that is slower than the one below: a cap on all bytes together (an uplink that others need too), and the
// manners of a distant one: a latency for each request and a rate for each connection, "30 ms at 50 MB/s a connection".
#pragma once

#include <memory>

#include "base/event.h"
#include "base/mutex.h"
#include "object/object_store.h"

namespace headrace::object {

struct ThrottleOptions {
  std::uint64_t bytes_per_second = 0;             // of all requests together; 0: no cap
  std::uint64_t burst_bytes = 1u << 20;           // that may go at once after a silence
  Duration latency{0};                            // of each request, before its first byte
  std::uint64_t connection_bytes_per_second = 0;  // of each request by itself; 0: no cap
  std::uint32_t connections_max = 0;              // requests at a time; 0: no limit
};

/// Thread-safe. `inner` and `scheduler` outlive it. A deadline that comes during a pause is kTimedOut; a put may then
/// have happened.
class ThrottledStore final : public ObjectStore {
 public:
  ThrottledStore(ObjectStore& inner, Scheduler& scheduler, const ThrottleOptions& options);

  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override;
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override;
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override;
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override;
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override;
  const StoreTraits& traits() const override { return inner_.traits(); }

 private:
  class Connection;
  Result<void> pass(const Scope& scope, Moment start, std::uint64_t bytes);
  Result<void> rest(const Scope& scope, Moment until);

  ObjectStore& inner_;
  Scheduler& scheduler_;
  const ThrottleOptions options_;
  Mutex mutex_;
  Moment all_free_at_ GUARDED_BY(mutex_){};  // when the cap has let everything pass that was asked for so far
  std::uint32_t connections_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Event> connection_ended_;
};

}  // namespace headrace::object
