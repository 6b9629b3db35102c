// SPDX-License-Identifier: Apache-2.0
// A block store over a bucket in memory that can be made to fail and to wait, with small blocks, for tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "block/block_store.h"
#include "object/faulty_store.h"
#include "object/memory_store.h"
#include "object/testing/test_seed.h"

namespace headrace::block {

/// A get that cannot be stopped: once it has begun it ends when the store below ends it, whatever becomes of the
/// reader.
class StubbornStore final : public object::ObjectStore {
 public:
  explicit StubbornStore(object::ObjectStore& inner) : inner_(inner) {}
  Result<object::GetResult> get(const Scope&, std::string_view key, std::uint64_t offset,
                                MutableByteSpan into) override {
    return inner_.get(Scope{}, key, offset, into);
  }
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override {
    return inner_.put(scope, key, parts);
  }
  Result<object::ObjectInfo> head(const Scope& scope, std::string_view key) override { return inner_.head(scope, key); }
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override {
    return inner_.remove(scope, keys);
  }
  Result<object::ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                                std::size_t limit) override {
    return inner_.list(scope, prefix, after, limit);
  }
  const object::StoreTraits& traits() const override { return inner_.traits(); }

 private:
  object::ObjectStore& inner_;
};

constexpr std::uint32_t kTestBlock = 1u << 20;

class BlockStoreFixture : public testing::Test {
 protected:
  struct Setup {
    std::uint64_t budget_bytes = 64u << 20, tier_bytes = 256u << 20;
    std::uint32_t uploads_max = 4, downloads_max = 16;
    bool cache_blocks = true, cache_large_writes = false, is_stubborn = false;
  };

  /// A new store over the same bucket, with nothing in the tier.
  void open(const Setup& setup) {
    blocks_.reset();
    tier_ = new_node_tier(log_, {.bytes_max = setup.tier_bytes});
    budget_ = std::make_unique<Budget>(scheduler_, setup.budget_bytes);
    BlockStoreOptions options;
    options.layout.block_bytes = kTestBlock;
    options.uploads_max = setup.uploads_max;
    options.downloads_max = setup.downloads_max;
    options.cache_blocks = setup.cache_blocks;
    options.cache_large_writes = setup.cache_large_writes;
    object::ObjectStore& store = setup.is_stubborn ? static_cast<object::ObjectStore&>(stubborn_) : faulty_;
    blocks_ = new_block_store(store, *tier_, *budget_, scheduler_, log_, options);
  }
  BlockStoreFixture() { open({}); }

  static std::string content(std::uint64_t slice, std::size_t size);
  /// Puts a slice's objects into the bucket, past the block store.
  Extent make_slice(std::uint64_t slice, std::uint32_t size, std::uint64_t file_offset = 0) {
    const std::string bytes = content(slice, size);
    const Layout layout{kTestBlock, false};
    for (std::uint32_t index = 0; index < block_count(layout, size); ++index) {
      const BlockKey key = block_key(layout, SliceId{slice}, size, index);
      const ByteSpan part = bytes_of(bytes).subspan(std::size_t{index} * kTestBlock, key.size);
      EXPECT_TRUE(memory_.put(Scope{}, object_name(layout, key), std::span(&part, 1)));
    }
    return {file_offset, size, SliceId{slice}, size, 0};
  }
  Result<std::string> read(const ExtentList& extents, std::uint64_t offset, std::size_t size, const Scope& scope = {}) {
    std::string into(size, '?');
    TRY_OK(blocks_->read(scope, extents, offset, std::as_writable_bytes(std::span(into))));
    return into;
  }
  Result<std::string> read(const Extent& extent, std::uint64_t offset, std::size_t size, const Scope& scope = {}) {
    return read(ExtentList{extent}, offset, size, scope);
  }
  Scope within(Duration limit) const { return Scope{scheduler_.clock().now() + limit, {}}; }
  std::uint64_t gets() const { return faulty_.requests(object::Method::kGet); }
  /// Spins until it holds: for what another thread is about to do.
  template <class Condition>
  void wait_until(Condition holds) {
    const Moment end = scheduler_.clock().now() + std::chrono::seconds(60);
    while (!holds()) {
      ASSERT_LT(scheduler_.clock().now(), end) << "it never happened";
      std::this_thread::yield();
    }
  }

  SystemScheduler scheduler_;
  Log log_{STDERR_FILENO, LogLevel::kOff};
  object::MemoryStore memory_{scheduler_.clock()};
  object::FaultyStore faulty_{memory_, scheduler_, object::test_seed()};
  StubbornStore stubborn_{faulty_};
  std::unique_ptr<NodeTier> tier_;
  std::unique_ptr<Budget> budget_;
  std::unique_ptr<BlockStore> blocks_;
};

}  // namespace headrace::block
