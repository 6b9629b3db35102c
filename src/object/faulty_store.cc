// SPDX-License-Identifier: Apache-2.0
// Each request has its fate decided first, and meets it on the way in and on the way out.
#include "object/faulty_store.h"

#include <algorithm>

#include "object/scope_check.h"

namespace headrace::object {

/// Counts a request while it runs.
class FaultyStore::Counted {
 public:
  Counted(FaultyStore& store, Method method) : store_(store), method_(static_cast<std::size_t>(method)) {
    MutexLock lock(store_.mutex_);
    MethodCount& count = store_.counts_[method_];
    count.requests += 1;
    count.now += 1;
    count.most = std::max(count.most, count.now);
  }
  ~Counted() {
    MutexLock lock(store_.mutex_);
    store_.counts_[method_].now -= 1;
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  FaultyStore& store_;
  const std::size_t method_;
};

FaultyStore::FaultyStore(ObjectStore& inner, Scheduler& scheduler, std::uint64_t seed)
    : inner_(inner), scheduler_(scheduler), rng_(seed), changed_(scheduler.new_event()) {}

FaultyStore::FaultId FaultyStore::add(const Fault& fault) {
  MutexLock lock(mutex_);
  rules_.push_back({fault});
  return rules_.size() - 1;
}

void FaultyStore::end(FaultId fault) {
  MutexLock lock(mutex_);
  rules_[fault].is_over = true;
  changed_->notify_all();
}

std::uint64_t FaultyStore::fired(FaultId fault) const {
  MutexLock lock(mutex_);
  return rules_[fault].fired;
}

std::uint64_t FaultyStore::held() const {
  MutexLock lock(mutex_);
  return held_;
}

Result<void> FaultyStore::wait_for_held(const Scope& scope, std::uint64_t count) {
  MutexLock lock(mutex_);
  return changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return held_ >= count; });
}

std::uint64_t FaultyStore::requests(Method method) const {
  MutexLock lock(mutex_);
  return counts_[static_cast<std::size_t>(method)].requests;
}

std::uint64_t FaultyStore::most_at_once(Method method) const {
  MutexLock lock(mutex_);
  return counts_[static_cast<std::size_t>(method)].most;
}

bool FaultyStore::fires(Rule& rule, Method method, std::string_view key) {
  const Fault& fault = rule.fault;
  if (rule.is_over || (fault.method && *fault.method != method)) return false;
  if (key.find(fault.key_contains) == std::string_view::npos) return false;
  const bool is_of_get = fault.kind == FaultKind::kShort || fault.kind == FaultKind::kCorrupt;
  if (is_of_get && method != Method::kGet) return false;
  if (fault.kind == FaultKind::kFull && method != Method::kPut) return false;
  if (rule.seen++ < fault.skip || rule.fired >= fault.times) return false;
  if (fault.probability < 1 && rng_.unit() >= fault.probability) return false;
  ++rule.fired;
  return true;
}

Result<void> FaultyStore::hold(const Scope& scope, FaultId fault) {
  ++held_;
  changed_->notify_all();
  const Result<void> waited =
      changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return rules_[fault].is_over; });
  --held_;
  changed_->notify_all();
  return waited;
}

Result<FaultyStore::Fate> FaultyStore::decide(const Scope& scope, Method method, std::string_view key) {
  TRY_OK(check_scope(scope, scheduler_.clock()));
  Fate fate;
  MutexLock lock(mutex_);
  for (FaultId id = 0; id < rules_.size() && !fate.before; ++id) {
    if (!fires(rules_[id], method, key)) continue;
    const Fault fault = rules_[id].fault;
    switch (fault.kind) {
      case FaultKind::kErrorBefore: fate.before = fault.code; break;
      case FaultKind::kFull: fate.before = Code::kNoSpace; break;
      case FaultKind::kErrorAfter: fate.after = fault.code; break;
      case FaultKind::kShort: fate.short_at = fault.at; break;
      case FaultKind::kCorrupt: fate.corrupt_at = fault.at; break;
      case FaultKind::kHold: TRY_OK(hold(scope, id)); break;
      case FaultKind::kDelay: {
        lock.unlock();
        const Result<void> paused = pause(scheduler_, scope, fault.delay);
        lock.lock();
        TRY_OK(paused);
        break;
      }
    }
  }
  return fate;
}

Result<GetResult> FaultyStore::get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                   MutableByteSpan into) {
  const Counted counted(*this, Method::kGet);
  TRY(const Fate fate, decide(scope, Method::kGet, key));
  if (fate.before) return *fate.before;
  TRY(GetResult result, inner_.get(scope, key, offset, into));
  if (fate.after) return *fate.after;
  if (fate.corrupt_at && result.bytes > 0) into[*fate.corrupt_at % result.bytes] ^= std::byte{0x10};
  if (fate.short_at) result.bytes = std::min<std::size_t>(result.bytes, static_cast<std::size_t>(*fate.short_at));
  return result;
}

Result<void> FaultyStore::put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) {
  const Counted counted(*this, Method::kPut);
  TRY(const Fate fate, decide(scope, Method::kPut, key));
  if (fate.before) return *fate.before;
  TRY_OK(inner_.put(scope, key, parts));
  if (fate.after) return *fate.after;
  return {};
}

Result<ObjectInfo> FaultyStore::head(const Scope& scope, std::string_view key) {
  const Counted counted(*this, Method::kHead);
  TRY(const Fate fate, decide(scope, Method::kHead, key));
  if (fate.before || fate.after) return fate.before ? *fate.before : *fate.after;
  return inner_.head(scope, key);
}

Result<void> FaultyStore::remove(const Scope& scope, std::span<const std::string> keys) {
  const Counted counted(*this, Method::kRemove);
  std::string all;
  for (const std::string& key : keys) all += key + '\n';
  TRY(const Fate fate, decide(scope, Method::kRemove, all));
  if (fate.before) return *fate.before;
  TRY_OK(inner_.remove(scope, keys));
  if (fate.after) return *fate.after;
  return {};
}

Result<ListPage> FaultyStore::list(const Scope& scope, std::string_view prefix, std::string_view after,
                                   std::size_t limit) {
  const Counted counted(*this, Method::kList);
  TRY(const Fate fate, decide(scope, Method::kList, prefix));
  if (fate.before || fate.after) return fate.before ? *fate.before : *fate.after;
  return inner_.list(scope, prefix, after, limit);
}

}  // namespace headrace::object
