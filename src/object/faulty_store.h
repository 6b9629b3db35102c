// SPDX-License-Identifier: Apache-2.0
// A bucket with faults, for tests: errors before and after a request took effect, wrong bytes, short answers, delays,
// requests that hang until they are let go, a full disk. Faults are scripted or random by a seed; each counts how often
// it fired, because a fault that never fired has tested nothing.
#pragma once

#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/event.h"
#include "base/mutex.h"
#include "base/rng.h"
#include "object/method.h"
#include "object/object_store.h"

namespace headrace::object {

enum class FaultKind {
  kErrorBefore,  // `code`, and nothing has happened
  kErrorAfter,   // `code`, and the request has taken effect
  kShort,        // a get delivers `at` bytes and claims that these were all it was to deliver
  kCorrupt,      // a get delivers byte `at` with a bit flipped
  kDelay,        // `delay` before the request
  kHold,         // the request waits until end(), or until its scope ends
  kFull,         // a put gives kNoSpace
};

struct Fault {
  FaultKind kind = FaultKind::kErrorBefore;
  std::optional<Method> method = std::nullopt;  // nothing: every one
  std::string key_contains = {};                // of a removal any key, of a listing the prefix
  std::uint64_t skip = 0;                       // so many requests that fit pass first
  std::uint64_t times = std::numeric_limits<std::uint64_t>::max();
  double probability = 1;  // of those that fit and are not skipped
  Code code = Code::kTransient;
  Duration delay{0};
  std::uint64_t at = 0;
};

/// Thread-safe. `inner` and `scheduler` outlive it.
class FaultyStore final : public ObjectStore {
 public:
  using FaultId = std::size_t;

  FaultyStore(ObjectStore& inner, Scheduler& scheduler, std::uint64_t seed);

  /// From now on. Faults are asked in the order they were added; a delay or a hold lets the next ones have their say.
  FaultId add(const Fault& fault);
  /// Ends a fault; requests that it holds go on.
  void end(FaultId fault);
  std::uint64_t fired(FaultId fault) const;
  /// Requests that are held now.
  std::uint64_t held() const;
  /// Waits until `count` requests are held.
  Result<void> wait_for_held(const Scope& scope, std::uint64_t count);
  /// Requests that came, by method.
  std::uint64_t requests(Method method) const;
  /// The most requests of this method that ran at a time.
  std::uint64_t most_at_once(Method method) const;

  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override;
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override;
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override;
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override;
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override;
  const StoreTraits& traits() const override { return inner_.traits(); }

 private:
  struct Rule {
    Fault fault;
    std::uint64_t seen = 0, fired = 0;
    bool is_over = false;
  };
  struct MethodCount {
    std::uint64_t requests = 0, now = 0, most = 0;
  };
  class Counted;
  /// What will befall one request.
  struct Fate {
    std::optional<Code> before, after;
    std::optional<std::uint64_t> short_at, corrupt_at;
  };

  Result<Fate> decide(const Scope& scope, Method method, std::string_view key);
  bool fires(Rule& rule, Method method, std::string_view key) REQUIRES(mutex_);
  Result<void> hold(const Scope& scope, FaultId fault) REQUIRES(mutex_);

  ObjectStore& inner_;
  Scheduler& scheduler_;
  Rng rng_;
  mutable Mutex mutex_;
  std::deque<Rule> rules_ GUARDED_BY(mutex_);
  MethodCount counts_[kMethodCount] GUARDED_BY(mutex_);
  std::uint64_t held_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Event> changed_;
};

}  // namespace headrace::object
