// SPDX-License-Identifier: Apache-2.0
// Wrappers and stacks of them are stores like any other, and each does its own thing besides.
#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "object/faulty_store.h"
#include "object/file_store.h"
#include "object/memory_store.h"
#include "object/metered_store.h"
#include "object/prefixed_store.h"
#include "object/retrying_store.h"
#include "object/sharded_store.h"
#include "object/testing/conformance.h"
#include "object/testing/temporary_directory.h"
#include "object/throttled_store.h"

namespace headrace::object {
namespace {

/// Counts what it is told.
class Observer final : public RequestObserver {
 public:
  struct Seen {
    int requests = 0, errors = 0;
    std::uint64_t bytes = 0;
  };
  void on_request(Method method, double seconds, std::uint64_t bytes, std::optional<Code> error) override {
    MutexLock lock(mutex_);
    EXPECT_GE(seconds, 0);
    Seen& seen = seen_[static_cast<int>(method)];
    seen.requests += 1;
    seen.errors += error ? 1 : 0;
    seen.bytes += bytes;
  }
  Seen seen(Method method) {
    MutexLock lock(mutex_);
    return seen_[static_cast<int>(method)];
  }

 private:
  Mutex mutex_;
  Seen seen_[kMethodCount] GUARDED_BY(mutex_);
};

/// What every subject here stands on.
class WrappedSubject : public StoreSubject {
 public:
  bool damage(const std::string& key) override { return memory_.damage(where_ + key, 3).has_value(); }
  std::size_t key_bytes_max() const override { return 1024 - where_.size(); }

 protected:
  explicit WrappedSubject(std::string where = "") : where_(std::move(where)) {}
  const std::string where_;
  SystemScheduler scheduler_;
  MemoryStore memory_{scheduler_.clock()};
};

class PrefixedSubject final : public WrappedSubject {
 public:
  PrefixedSubject() : WrappedSubject("myjfs/") {
    const ByteSpan part = bytes_of("neighbour");
    for (const char* key : {"myjf", "myjfs", "myjfs-2/x", "myjfs0", "a", "z"})
      EXPECT_TRUE(memory_.put(Scope{}, key, std::span(&part, 1)));
  }
  ObjectStore& store() override { return store_; }

 private:
  PrefixedStore store_{memory_, "myjfs/"};
};

class ShardedSubject final : public WrappedSubject {
 public:
  ObjectStore& store() override { return store_; }
  bool damage(const std::string& key) override {
    return memory_.damage(key, 3) || two_.damage(key, 3) || three_.damage(key, 3);
  }

 private:
  MemoryStore two_{scheduler_.clock()}, three_{scheduler_.clock()};
  ShardedStore store_{{&memory_, &two_, &three_}};
};

/// A bucket in a directory with shards, slow, faulty in every tenth request, retried, counted, below a prefix.
class StackSubject final : public StoreSubject {
 public:
  ~StackSubject() override {
    const std::uint64_t fired = faulty_.fired(before_) + faulty_.fired(after_);
    if (faulty_.requests(Method::kPut) > 200) EXPECT_GT(fired, 0u);
  }
  ObjectStore& store() override { return prefixed_; }
  bool damage(const std::string& key) override {
    for (const TemporaryDirectory* directory : {&one_, &two_}) {
      std::fstream file(*directory / ("vol/" + key), std::ios::in | std::ios::out | std::ios::binary);
      if (file.is_open()) return file.seekp(100).put('\x7f').good();
    }
    return false;
  }
  bool takes_flat_keys() const override { return false; }
  std::size_t key_bytes_max() const override { return 1024 - 4; }

 private:
  static RetryPolicy quick() {
    RetryPolicy policy;
    policy.pause_base = std::chrono::microseconds(10);
    policy.pause_max = std::chrono::microseconds(100);
    policy.tokens_max = 1'000'000;
    return policy;
  }
  SystemScheduler scheduler_;
  TemporaryDirectory one_{"/dev/shm"}, two_{"/dev/shm"};
  std::unique_ptr<FileStore> first_ = FileStore::open(one_.path(), scheduler_).value(),
                             second_ = FileStore::open(two_.path(), scheduler_).value();
  ShardedStore sharded_{{first_.get(), second_.get()}};
  ThrottledStore throttled_{sharded_, scheduler_, {.latency = std::chrono::microseconds(20)}};
  FaultyStore faulty_{throttled_, scheduler_, test_seed()};
  FaultyStore::FaultId before_ = faulty_.add({.probability = 0.05, .code = Code::kTransient});
  FaultyStore::FaultId after_ =
      faulty_.add({.kind = FaultKind::kErrorAfter, .probability = 0.05, .code = Code::kTimedOut});
  RetryingStore retrying_{faulty_, scheduler_, test_seed(), quick()};
  Observer observer_;
  MeteredStore metered_{retrying_, observer_, scheduler_.clock()};
  PrefixedStore prefixed_{metered_, "vol/"};
};

INSTANTIATE_TEST_SUITE_P(Wrapped, StoreConformance,
                         testing::Values(StoreKind{"prefixed", [] { return std::make_unique<PrefixedSubject>(); }},
                                         StoreKind{"sharded", [] { return std::make_unique<ShardedSubject>(); }},
                                         StoreKind{"stack", [] { return std::make_unique<StackSubject>(); }}),
                         kind_name);

TEST(Fnv1a, HasItsPublishedValues) {
  EXPECT_EQ(fnv1a(""), 0x811C9DC5u);
  EXPECT_EQ(fnv1a("a"), 0xE40C292Cu);
  EXPECT_EQ(fnv1a("foobar"), 0xBF9CF968u);
}

TEST(ShardedStore, TheBucketIsChosenByTheWholeKeyWithItsPrefix) {
  SystemClock clock;
  MemoryStore one(clock), two(clock), three(clock);
  ShardedStore sharded({&one, &two, &three});
  PrefixedStore store(sharded, "myjfs/");
  const ByteSpan part = bytes_of("x");
  for (int i = 0; i < 30; ++i) {
    const std::string key = "chunks/0/0/" + std::to_string(i) + "_0_1";
    ASSERT_TRUE(store.put(Scope{}, key, std::span(&part, 1)));
    MemoryStore& expected = *std::array{&one, &two, &three}[fnv1a("myjfs/" + key) % 3];
    EXPECT_TRUE(expected.head(Scope{}, "myjfs/" + key)) << key;
  }
  EXPECT_EQ(one.object_count() + two.object_count() + three.object_count(), 30u);
  EXPECT_GT(one.object_count() * two.object_count() * three.object_count(), 0u);
}

TEST(PrefixedStore, SaysWhereItIs) {
  SystemClock clock;
  MemoryStore memory(clock);
  EXPECT_EQ(PrefixedStore(memory, "vol/").traits().location, "mem://vol/");
}

TEST(MeteredStore, EveryRequestIsToldWithItsBytesAndItsEnd) {
  SystemClock clock;
  MemoryStore memory(clock);
  Observer observer;
  MeteredStore store(memory, observer, clock);
  const std::vector<ByteSpan> parts = {bytes_of("12345"), bytes_of("678")};
  std::byte into[4];
  EXPECT_TRUE(store.put(Scope{}, "key", parts));
  EXPECT_FALSE(store.put(Scope{}, "", parts));
  EXPECT_TRUE(store.get(Scope{}, "key", 0, into));
  EXPECT_TRUE(store.get(Scope{}, "key", 6, into));
  EXPECT_FALSE(store.get(Scope{}, "other", 0, into));
  EXPECT_TRUE(store.head(Scope{}, "key"));
  EXPECT_TRUE(store.list(Scope{}, "", "", 5));
  EXPECT_TRUE(store.remove(Scope{}, std::vector<std::string>{"key"}));
  const auto expect = [&](Method method, int requests, int errors, std::uint64_t bytes) {
    const Observer::Seen seen = observer.seen(method);
    EXPECT_EQ(seen.requests, requests) << name_of(method);
    EXPECT_EQ(seen.errors, errors) << name_of(method);
    EXPECT_EQ(seen.bytes, bytes) << name_of(method);
  };
  expect(Method::kPut, 2, 1, 8);
  expect(Method::kGet, 3, 1, 4 + 2);
  expect(Method::kHead, 1, 0, 0);
  expect(Method::kList, 1, 0, 0);
  expect(Method::kRemove, 1, 0, 0);
}

}  // namespace
}  // namespace headrace::object
