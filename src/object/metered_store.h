// SPDX-License-Identifier: Apache-2.0
// Tells an observer of every request how long it took, how many bytes it moved, and how it ended.
#pragma once

#include <optional>

#include "base/clock.h"
#include "object/method.h"
#include "object/object_store.h"

namespace headrace::object {

class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  /// After a request. `bytes`: moved by a get or put that succeeded, else 0. `error`: nothing when it succeeded.
  /// Thread-safe.
  virtual void on_request(Method method, double seconds, std::uint64_t bytes, std::optional<Code> error) = 0;
  /// A request is about to be made once more (RetryingStore). Thread-safe.
  virtual void on_retry(Method) {}
};

/// Thread-safe. `inner` and `observer` outlive it.
class MeteredStore final : public ObjectStore {
 public:
  MeteredStore(ObjectStore& inner, RequestObserver& observer, const Clock& clock)
      : inner_(inner), observer_(observer), clock_(clock) {}

  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override;
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override;
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override;
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override;
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override;
  const StoreTraits& traits() const override { return inner_.traits(); }

 private:
  ObjectStore& inner_;
  RequestObserver& observer_;
  const Clock& clock_;
};

}  // namespace headrace::object
