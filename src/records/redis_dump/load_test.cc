// SPDX-License-Identifier: Apache-2.0
// What is loaded lies in the store, and what belongs to no record is passed over.
#include "records/redis_dump/load.h"

#include <gtest/gtest.h>

namespace headrace::records {
namespace {

TEST(LoadRedisDump, RecordsLieInTheStoreAndOtherKeysDoNot) {
  MemoryStore store(false);
  const Result<void> loaded = load_redis_dump(
      R"({"setting":{"type":"string","value":"7b7d"},"s5":{"type":"string","value":"61"},"userQuota":{"type":"hash","value":{}},)"
      R"("locked3":{"type":"set","value":["6c6f636b7035"]},"something else":{"type":"stream","value":7}})",
      store);
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(store.get(Key(SettingKey{})).value(), Record(SettingRecord{"{}"}));
  EXPECT_EQ(store.get(Key(SymlinkKey{Ino{5}})).value(), Record(SymlinkRecord{"a"}));
  EXPECT_TRUE(store.is_empty(WholeVolume{Whole::kCounters, 0}).value());
}

TEST(LoadRedisDump, AnErrorNamesTheKey) {
  MemoryStore store(false);
  const Result<void> loaded =
      load_redis_dump(R"({"setting":{"type":"string","value":"7b7d"},"{3}i5":{"type":"string","value":"00"}})", store);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.code(), Code::kDamaged);
  EXPECT_NE(loaded.error().text().find("{3}i5"), std::string::npos);
}

}  // namespace
}  // namespace headrace::records
