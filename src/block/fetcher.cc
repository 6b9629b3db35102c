// SPDX-License-Identifier: Apache-2.0
// Single flight: who comes first leads, who comes later waits; a leader that gave up is replaced by one who waits.
#include "block/fetcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace headrace::block {
namespace {

constexpr std::uint32_t kAlwaysWholeBytes = 256u << 10;

std::uint64_t wanted_bytes(std::span<const BlockPart> parts) {
  std::uint64_t wanted = 0;
  for (const BlockPart& part : parts) wanted += part.length;
  return wanted;
}

}  // namespace

bool is_fetched_whole(std::uint32_t size, std::uint64_t wanted, bool is_kept, bool is_wanted_again) {
  // A request costs about as long as 1 MiB takes: a quarter of a block is cheaper with the rest of it than with a
  // second request.
  if (is_kept) return size <= kAlwaysWholeBytes || wanted * 4 >= size || is_wanted_again;
  return wanted * 2 >= size;
}

bool RecentBlocks::touch(const BlockKey& key) {
  const std::uint64_t mixed = (std::hash<BlockKey>()(key) + key.slice.value()) * 0x9E3779B97F4A7C15ull;
  const std::uint64_t mark = mixed | 1;  // 0 is nothing
  return seen_[mixed >> 52].exchange(mark, std::memory_order_relaxed) == mark;
}

class Fetcher::Fetch {
 public:
  Fetch(Scheduler& scheduler, const BlockKey& block) : key(block), changed(scheduler.new_event()) {}

  enum class State { kQueued, kRunning, kDone };

  const BlockKey key;
  Mutex mutex;
  State state GUARDED_BY(mutex) = State::kQueued;
  Result<void> result GUARDED_BY(mutex);
  bool has_leader_left GUARDED_BY(mutex) = false;  // it ended for its leader's reasons, not for the block's
  const std::unique_ptr<Event> changed;
  Buffer buffer;  // of the leader until it is done, then read by all

  /// Whether the caller is the one who runs it now.
  bool take_over() {
    MutexLock lock(mutex);
    if (state != State::kQueued) return false;
    state = State::kRunning;
    return true;
  }
  /// Waits for the end. An error: the caller's scope ended first.
  Result<void> wait(const Scope& scope) {
    MutexLock lock(mutex);
    return changed->wait(scope, mutex, [&]() NO_THREAD_SAFETY_ANALYSIS { return state == State::kDone; });
  }
  struct Outcome {
    Result<void> result;
    bool has_leader_left = false;
  };
  Outcome outcome() {
    MutexLock lock(mutex);
    CHECK(state == State::kDone);
    return {result, has_leader_left};
  }
};

Fetcher::Fetcher(object::ObjectStore& store, NodeTier& tier, BufferPool& pool, Scheduler& scheduler,
                 BlockCounters& counters, const FetcherOptions& options)
    : store_(store),
      tier_(tier),
      pool_(pool),
      scheduler_(scheduler),
      counters_(counters),
      options_(options),
      keeps_blocks_(options.cache_blocks && tier.stats().bytes_max > 0) {}

bool Fetcher::read_from_tier(std::span<const BlockPart> parts, MutableByteSpan into) {
  for (const BlockPart& part : parts) {
    if (!tier_.read_block(part.key, part.offset, into.subspan(part.into, part.length))) return false;
  }
  ++counters_.hits;
  counters_.hit_bytes += wanted_bytes(parts);
  return true;
}

Result<void> Fetcher::get(const Scope& outer, const BlockKey& key, std::uint32_t offset, MutableByteSpan into) {
  const CountedNow counted(counters_.downloads_now);
  const Scope scope = outer.until(scheduler_.clock().now() + options_.get_timeout);
  const std::string name = object_name(options_.layout, key);
  about_to_block();
  const Result<object::GetResult> got = store_.get(scope, name, offset, into);
  if (!got) {
    ++counters_.fetch_errors;
    return Error(got.code(), fmt::format("block {}: {}", name, got.error().text()));
  }
  if (got->object_size != key.size || got->bytes != into.size()) {
    ++counters_.fetch_errors;
    return Error(Code::kDamaged,
                 fmt::format("block {}: the object has {} bytes, and {} came of {} asked for from {} on", name,
                             got->object_size, got->bytes, into.size(), offset));
  }
  ++counters_.fetches;
  counters_.fetch_bytes += into.size();
  return {};
}

Result<void> Fetcher::read_range(const Scope& scope, std::span<const BlockPart> parts, ReadTarget& target,
                                 bool is_own_thread) {
  for (const BlockPart& part : parts) {
    if (is_own_thread) {
      TRY_OK(get(scope, part.key, part.offset, target.own().subspan(part.into, part.length)));
      continue;
    }
    TRY(Buffer buffer, pool_.take(scope, part.length));
    TRY_OK(get(scope, part.key, part.offset, buffer.span(part.length)));
    target.copy(part.into, buffer.span(part.length));
  }
  return {};
}

Result<void> Fetcher::read(const Scope& scope, std::span<const BlockPart> parts, ReadTarget& target,
                           bool is_own_thread) {
  const BlockKey& key = parts.front().key;
  const bool is_whole = is_fetched_whole(key.size, wanted_bytes(parts), keeps_blocks(), recent_.touch(key));
  while (true) {
    FetchPointer fetch;
    bool is_leader = false;
    {
      MutexLock lock(mutex_);
      const auto found = fetches_.find(key);
      if (found != fetches_.end()) {
        fetch = found->second;
      } else if (is_whole) {
        fetch = std::make_shared<Fetch>(scheduler_, key);
        fetches_.emplace(key, fetch);
      }
    }
    if (fetch == nullptr) return read_range(scope, parts, target, is_own_thread);
    is_leader = fetch->take_over();
    if (is_leader) {
      lead(scope, fetch);
    } else {
      ++counters_.fetches_shared;
      TRY_OK(fetch->wait(scope));
    }
    const Fetch::Outcome outcome = fetch->outcome();
    if (outcome.result) {
      for (const BlockPart& part : parts)
        target.copy(part.into, fetch->buffer.span(key.size).subspan(part.offset, part.length));
      return {};
    }
    if (is_leader || !outcome.has_leader_left) return outcome.result;
    // The leader's time was up, not ours: somebody leads again.
  }
}

void Fetcher::lead(const Scope& scope, const FetchPointer& fetch) {
  Result<void> result;
  if (fetch->buffer.is_empty()) {
    Result<Buffer> buffer = pool_.take(scope, fetch->key.size);
    if (buffer) {
      fetch->buffer = std::move(*buffer);
    } else {
      result = buffer.error();
    }
  }
  // Between the reader's look at the tier and its look at the table another fetch may have ended.
  const bool is_here = result && keeps_blocks() && tier_.has_block(fetch->key) &&
                       tier_.read_block(fetch->key, 0, fetch->buffer.span(fetch->key.size));
  if (result && !is_here) result = get(scope, fetch->key, 0, fetch->buffer.span(fetch->key.size));
  const bool has_left = !result && (scope.stop.stop_requested() || scheduler_.clock().now() >= scope.deadline);
  if (!result) take_out(*fetch);  // first, so that who leads again does not find this one
  settle(*fetch, result, has_left);
  if (!result) return;
  // Those who wait have their bytes already. It stays in the table until the tier has them, so that nobody fetches in
  // between.
  if (keeps_blocks() && !is_here) tier_.put_block(fetch->key, std::as_const(fetch->buffer).span(fetch->key.size));
  take_out(*fetch);
}

void Fetcher::settle(Fetch& fetch, Result<void> result, bool has_leader_left) {
  MutexLock lock(fetch.mutex);
  fetch.state = Fetch::State::kDone;
  fetch.result = std::move(result);
  fetch.has_leader_left = has_leader_left;
  fetch.changed->notify_all();
}

void Fetcher::take_out(const Fetch& fetch) {
  FetchPointer dropped;
  MutexLock lock(mutex_);
  const auto found = fetches_.find(fetch.key);
  if (found == fetches_.end() || found->second.get() != &fetch) return;
  dropped = std::move(found->second);
  fetches_.erase(found);
  lock.unlock();
}

Result<void> Fetcher::read_whole_uncached(const Scope& scope, const BlockPart& part, ReadTarget& target) {
  CHECK(part.is_whole());
  bool is_under_way = false;
  {
    MutexLock lock(mutex_);
    is_under_way = fetches_.contains(part.key);
  }
  if (is_under_way) return read(scope, std::span(&part, 1), target, true);
  return get(scope, part.key, 0, target.own().subspan(part.into, part.length));
}

Fetcher::FetchPointer Fetcher::begin_prefetch(const BlockKey& key, bool& is_dropped) {
  is_dropped = false;
  if (!keeps_blocks() || tier_.has_block(key)) return nullptr;
  {
    MutexLock lock(mutex_);
    if (fetches_.contains(key)) return nullptr;
  }
  Buffer buffer = pool_.try_take(key.size);
  if (buffer.is_empty()) {
    is_dropped = true;
    return nullptr;
  }
  auto fetch = std::make_shared<Fetch>(scheduler_, key);
  fetch->buffer = std::move(buffer);
  MutexLock lock(mutex_);
  if (!fetches_.emplace(key, fetch).second) return nullptr;  // somebody was quicker
  return fetch;
}

void Fetcher::run_prefetch(const Scope& scope, const FetchPointer& fetch) {
  if (fetch->take_over()) lead(scope, fetch);
}

void Fetcher::drop_prefetch(const FetchPointer& fetch) {
  if (!fetch->take_over()) return;
  take_out(*fetch);
  settle(*fetch, Code::kInterrupted, true);
}

}  // namespace headrace::block
