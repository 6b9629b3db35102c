// SPDX-License-Identifier: Apache-2.0
// Hashes and names of keys.
#include "records/keys.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace headrace::records {
namespace {

TEST(Keys, KeysOfDifferentKindsWithTheSameNumberDoNotCollide) {
  const KeyHash hash;
  std::unordered_set<std::size_t> seen;
  std::size_t count = 0;
  for (std::uint64_t n = 1; n <= 1000; ++n) {
    const Ino ino{n};
    for (const Key& key : {Key(InodeKey{ino}), Key(SymlinkKey{ino}), Key(DirStatsKey{ino}), Key(EntryKey{ino, "a"}),
                           Key(EntryKey{ino, "b"}), Key(SlicesKey{ino, ChunkIndex{1}}),
                           Key(SlicesKey{ino, ChunkIndex{2}}), Key(SliceRefKey{SliceId{n}, 1})}) {
      seen.insert(hash(key));
      ++count;
      EXPECT_EQ(hash(key), hash(Key(key)));
    }
  }
  EXPECT_EQ(seen.size(), count);
}

TEST(Keys, ADescriptionShowsAnyNameOnOneLine) {
  EXPECT_EQ(describe(EntryKey{Ino{7}, "a\n%"}), "entry a%0A%25 of directory 7");
  EXPECT_EQ(describe(CounterKey{"usedSpace"}), "counter usedSpace");
  EXPECT_LT(describe(EntryKey{Ino{7}, std::string(255, '\0')}).size(), 150u);
}

TEST(Keys, ARecordFitsOnlyItsKey) {
  EXPECT_TRUE(fits(InodeKey{Ino{1}}, Attr{}));
  EXPECT_FALSE(fits(InodeKey{Ino{1}}, EntryRecord{}));
  EXPECT_TRUE(fits(CounterKey{"x"}, std::int64_t{1}));
}

}  // namespace
}  // namespace headrace::records
