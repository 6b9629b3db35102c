// SPDX-License-Identifier: Apache-2.0
#include "cli/slice_objects.h"

#include <gtest/gtest.h>

#include "cli/needed_slices.h"
#include "object/memory_store.h"

namespace headrace::cli {
namespace {

constexpr std::uint32_t kBlock = 64u << 10;

/// Counts listings, since their number is the point.
class CountingStore final : public object::ObjectStore {
 public:
  explicit CountingStore(object::ObjectStore& inner) : inner_(inner) {}
  Result<object::GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                MutableByteSpan into) override {
    return inner_.get(scope, key, offset, into);
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
    ++listings;
    return inner_.list(scope, prefix, after, limit);
  }
  const object::StoreTraits& traits() const override { return inner_.traits(); }
  int listings = 0;

 private:
  object::ObjectStore& inner_;
};

class SliceObjectsTest : public testing::TestWithParam<bool> {
 protected:
  const block::Layout layout_{kBlock, GetParam()};
  SystemClock clock_;
  object::MemoryStore memory_{clock_};
  CountingStore store_{memory_};

  void put_raw(const std::string& key, std::size_t bytes) {
    const std::string text(bytes, 'x');
    const ByteSpan part = bytes_of(text);
    ASSERT_TRUE(memory_.put({}, key, std::span(&part, 1)));
  }
  void put_slice(std::uint64_t id, std::uint32_t size) {
    for (std::uint32_t i = 0; i < block::block_count(layout_, size); ++i) {
      const block::BlockKey key = block::block_key(layout_, SliceId{id}, size, i);
      put_raw(block::object_name(layout_, key), key.size);
    }
  }
  std::vector<std::string> faults(SliceObjects& objects, std::uint64_t id, std::uint32_t size) {
    const auto found = objects.of({}, SliceId{id});
    std::vector<std::string> out;
    for (const ObjectFault& fault : compare_objects(layout_, SliceId{id}, size, **found)) out.push_back(fault.sentence);
    return out;
  }
};

TEST_P(SliceObjectsTest, ASliceWithAllItsBlocksHasNoFault) {
  put_slice(7, 3 * kBlock + 5);
  SliceObjects objects(store_, layout_);
  EXPECT_TRUE(faults(objects, 7, 3 * kBlock + 5).empty());
}

TEST_P(SliceObjectsTest, AMissingAndAShortBlockAreFound) {
  put_slice(7, 3 * kBlock);
  const std::string first = block::object_name(layout_, block::block_key(layout_, SliceId{7}, 3 * kBlock, 0));
  ASSERT_TRUE(memory_.remove({}, std::span(&first, 1)));
  put_raw(block::object_name(layout_, block::block_key(layout_, SliceId{7}, 3 * kBlock, 2)), 9);
  SliceObjects objects(store_, layout_);
  EXPECT_EQ(faults(objects, 7, 3 * kBlock), (std::vector<std::string>{"is missing", "has 9 bytes in place of 65536"}));
}

TEST_P(SliceObjectsTest, ABlockNamedForAnotherSizeDoesNotStandForIt) {
  put_slice(7, 10);
  SliceObjects objects(store_, layout_);
  EXPECT_EQ(faults(objects, 7, 11), std::vector<std::string>{"is missing"});
}

TEST_P(SliceObjectsTest, SlicesOfOneGroupCostOneListing) {
  for (std::uint64_t id = 1024; id < 1024 + 256 * 3; id += 256) put_slice(id, 10);
  put_raw("chunks/0/1/.jfs.1024_0_10.tmp.5", 3);  // a leftover of a put is nobody's block
  SliceObjects objects(store_, layout_);
  for (std::uint64_t id = 1024; id < 1024 + 256 * 3; id += 256) EXPECT_TRUE(faults(objects, id, 10).empty()) << id;
  EXPECT_EQ(store_.listings, 1);
  EXPECT_EQ(faults(objects, 2'000'000, 10).size(), 1u);
  EXPECT_EQ(store_.listings, 2);
}

TEST_P(SliceObjectsTest, OnlyBlocksOfTheRightIndexAndSizeAreNeeded) {
  NeededSlices needed;
  needed.add(SliceId{7}, kBlock + 5);
  needed.add(SliceId{9}, 10);
  EXPECT_EQ(needed.size_of(SliceId{7}), kBlock + 5);
  EXPECT_EQ(needed.size_of(SliceId{8}), std::nullopt);
  EXPECT_TRUE(needed.needs(layout_, {SliceId{7}, 0, kBlock}));
  EXPECT_TRUE(needed.needs(layout_, {SliceId{7}, 1, 5}));
  EXPECT_FALSE(needed.needs(layout_, {SliceId{7}, 1, 6}));
  EXPECT_FALSE(needed.needs(layout_, {SliceId{7}, 2, 5}));
  EXPECT_FALSE(needed.needs(layout_, {SliceId{8}, 0, 10}));
}

INSTANTIATE_TEST_SUITE_P(Layouts, SliceObjectsTest, testing::Bool(),
                         [](const auto& kind) { return std::string(kind.param ? "hashed" : "plain"); });

}  // namespace
}  // namespace headrace::cli
