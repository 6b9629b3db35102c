// SPDX-License-Identifier: Apache-2.0
#include "object/memory_store.h"

#include "object/testing/conformance.h"

namespace headrace::object {
namespace {

class MemorySubject final : public StoreSubject {
 public:
  ObjectStore& store() override { return store_; }
  bool damage(const std::string& key) override { return store_.damage(key, 5).has_value(); }

 private:
  SystemClock clock_;
  MemoryStore store_{clock_};
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
                         testing::Values(StoreKind{"memory", [] { return std::make_unique<MemorySubject>(); }}),
                         kind_name);

TEST(MemoryStore, SaysThatItDoesNotSurvive) {
  SystemClock clock;
  EXPECT_FALSE(MemoryStore(clock).traits().is_durable);
}

}  // namespace
}  // namespace headrace::object
