// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include <gtest/gtest.h>

#include <set>

namespace headrace {
namespace {

TEST(Uuid, IsOfVersionFourAndNeverTheSame) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  std::set<std::string> seen;
  for (int i = 0; i < 10000; ++i) {
    const std::string uuid = new_uuid(rng);
    ASSERT_TRUE(is_uuid(uuid)) << uuid;
    ASSERT_EQ(uuid[14], '4') << uuid;
    ASSERT_NE(std::string_view("89ab").find(uuid[19]), std::string_view::npos) << uuid;
    ASSERT_TRUE(seen.insert(uuid).second) << uuid;
  }
}

TEST(Uuid, TheSameSeedGivesTheSameOne) {
  Rng one(5), other(5);
  EXPECT_EQ(new_uuid(one), new_uuid(other));
}

TEST(Uuid, OtherTextIsNone) {
  EXPECT_TRUE(is_uuid("0E5BD5F6-1C2D-4E3F-8A9B-0C1D2E3F4A5B"));
  for (const char* text : {"", "0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5", "0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5bb",
                           "0e5bd5f61-c2d-4e3f-8a9b-0c1d2e3f4a5b", "0e5bd5f6_1c2d_4e3f_8a9b_0c1d2e3f4a5b",
                           "ge5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5b", "0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5-"}) {
    EXPECT_FALSE(is_uuid(text)) << text;
  }
}

}  // namespace
}  // namespace headrace
