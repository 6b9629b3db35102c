// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::TestVolume;

constexpr std::uint64_t kPiB = 1ull << 50;

class Usage : public testing::EachEngine {};
ON_EACH_ENGINE(Usage);

TEST_P(Usage, AVolumeWithoutLimitsShowsThatThereIsRoom) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  const auto usage = volume->usage(scope_);
  EXPECT_EQ(usage->total_bytes, kPiB);
  EXPECT_EQ(usage->used_bytes, 4096u);
  EXPECT_EQ(usage->available_bytes, kPiB - 4096);
  EXPECT_EQ(usage->used_inodes, 1u);
  EXPECT_EQ(usage->available_inodes, 10ull << 20);
}

TEST_P(Usage, TheRoomGrowsBeforeItIsUsedUp) {
  TestVolume volume(GetParam());
  volume.put_record(records::CounterKey{"usedSpace"}, static_cast<std::int64_t>(kPiB));
  volume.put_record(records::CounterKey{"totalInodes"}, std::int64_t{100} << 20);
  const auto usage = volume->usage(scope_);
  EXPECT_EQ(usage->total_bytes, 2 * kPiB);
  EXPECT_EQ(usage->available_inodes, 40ull << 20);
}

TEST_P(Usage, LimitsAreShown) {
  VolumeFormat format = testing::plain_format();
  format.capacity_bytes = 1 << 20;
  format.inodes_max = 10;
  TestVolume volume(GetParam(), format);
  volume.make_file(kRootIno, "a");
  const auto usage = volume->usage(scope_);
  EXPECT_EQ(usage->total_bytes, 1u << 20);
  EXPECT_EQ(usage->available_bytes, (1u << 20) - 4096);
  EXPECT_EQ(usage->available_inodes, 9u);
}

TEST_P(Usage, CountersThatDriftedBelowZeroAreZero) {
  TestVolume volume(GetParam());
  volume.put_record(records::CounterKey{"usedSpace"}, -5);
  volume.put_record(records::CounterKey{"totalInodes"}, -5);
  EXPECT_EQ(volume->usage(scope_)->used_bytes, 0u);
  EXPECT_EQ(volume->usage(scope_)->used_inodes, 0u);
}

TEST_P(Usage, MoreUsedThanTheLimitIsNothingLeft) {
  VolumeFormat format = testing::plain_format();
  format.capacity_bytes = 8192;
  TestVolume volume(GetParam(), format);
  volume.put_record(records::CounterKey{"usedSpace"}, 100'000);
  EXPECT_EQ(volume->usage(scope_)->available_bytes, 0u);
}

}  // namespace
}  // namespace headrace::meta
