// SPDX-License-Identifier: Apache-2.0
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::InodeKey;
using testing::plain_format;
using testing::TestVolume;

class FormatVolume : public testing::EachEngine {
 protected:
  Result<VolumeFormat> format(TestVolume& volume, VolumeFormat wanted, bool force) {
    return format_volume(scope_, volume.engine(), volume.scheduler().clock(), std::move(wanted), force);
  }
};
ON_EACH_ENGINE(FormatVolume);

TEST_P(FormatVolume, ANewVolumeHasARootAndItsCounters) {
  VolumeFormat wanted = plain_format();
  wanted.trash_days = 1;
  TestVolume volume(GetParam(), wanted);
  const Attr root = *volume.record(InodeKey{kRootIno});
  EXPECT_EQ(root.type, FileType::kDirectory);
  EXPECT_EQ(root.mode, 0777);
  EXPECT_EQ(root.nlink, 2u);
  EXPECT_EQ(root.length, 4096u);
  EXPECT_EQ(root.parent, kRootIno);
  const Attr trash = *volume.record(InodeKey{kTrashRoot});
  EXPECT_EQ(trash.mode, 0555);
  EXPECT_EQ(trash.nlink, 2u);
  EXPECT_EQ(trash.parent, kRootIno);
  EXPECT_EQ(volume.counter("totalInodes"), 0);
  EXPECT_EQ(volume.make_file(kRootIno, "a"), Ino{2});
  EXPECT_EQ(volume->new_slice_id(scope_).value(), SliceId{1});
}

TEST_P(FormatVolume, WithoutTrashThereIsNoTrashRoot) {
  TestVolume volume(GetParam());
  EXPECT_FALSE(volume.record(InodeKey{kTrashRoot}));
}

TEST_P(FormatVolume, WhatIsThereIsNotOverwritten) {
  TestVolume volume(GetParam());
  VolumeFormat other = plain_format();
  other.name = "other";
  EXPECT_EQ(format(volume, plain_format(), false).code(), Code::kExists);
  EXPECT_EQ(format(volume, other, true).code(), Code::kExists);
  volume.erase_record(records::SettingKey{});
  EXPECT_EQ(format(volume, plain_format(), true).code(), Code::kExists) << "a tree without a description is not empty";
  EXPECT_EQ(load_format(scope_, volume.engine()).code(), Code::kNotFound);
}

TEST_P(FormatVolume, ForceReplacesWhatMayChange) {
  TestVolume volume(GetParam());
  VolumeFormat next = plain_format();
  next.uuid = "11111111-1c2d-4e3f-8a9b-0c1d2e3f4a5b";
  next.trash_days = 5;
  next.capacity_bytes = 1 << 30;
  const auto changed = format(volume, next, true);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->uuid, plain_format().uuid) << "a volume keeps its identity";
  const auto loaded = load_format(scope_, volume.engine());
  EXPECT_EQ(loaded->trash_days, 5u);
  EXPECT_EQ(loaded->capacity_bytes, 1u << 30);
  EXPECT_TRUE(volume.record(InodeKey{kTrashRoot}));
}

TEST_P(FormatVolume, MembersThatOthersWroteStay) {
  TestVolume volume(GetParam());
  std::string document = volume.record(records::SettingKey{})->json;
  document.insert(document.rfind('}'), ",\"Zebra\": 1\n");
  volume.put_record(records::SettingKey{}, {document});
  ASSERT_TRUE(format(volume, plain_format(), true));
  EXPECT_NE(volume.record(records::SettingKey{})->json.find("Zebra"), std::string::npos);
}

TEST_P(FormatVolume, WhatMayNotChangeIsNamed) {
  TestVolume volume(GetParam());
  VolumeFormat next = plain_format();
  next.block_kib = 1024;
  const auto block = format(volume, next, true);
  ASSERT_FALSE(block);
  EXPECT_EQ(block.code(), Code::kInvalid);
  EXPECT_NE(block.error().message.find("block size"), std::string::npos);
  next = plain_format();
  next.hash_prefix = true;
  EXPECT_EQ(format(volume, next, true).code(), Code::kInvalid);
  next = plain_format();
  next.shards = 3;
  EXPECT_EQ(format(volume, next, true).code(), Code::kInvalid);
}

TEST_P(FormatVolume, StatisticsThatNobodyKeptUpAreForgotten) {
  VolumeFormat without = plain_format();
  without.dir_stats = false;
  TestVolume volume(GetParam(), without);
  const Ino directory = volume.make_directory(kRootIno, "d");
  EXPECT_FALSE(volume.record(records::DirStatsKey{directory}));
  volume.put_record(records::DirStatsKey{directory}, {1, 2, 3});
  ASSERT_TRUE(format(volume, plain_format(), true));
  EXPECT_FALSE(volume.record(records::DirStatsKey{directory}));
}

TEST_P(FormatVolume, DescriptionsThatCannotBeAreRefused) {
  TestVolume volume(GetParam());
  const auto refused = [&](auto change) {
    VolumeFormat bad = plain_format();
    change(bad);
    const auto answer = format(volume, bad, true);
    return !answer && answer.code() == Code::kInvalid && !answer.error().message.empty();
  };
  EXPECT_TRUE(refused([](VolumeFormat& f) { f.name = "X"; }));
  EXPECT_TRUE(refused([](VolumeFormat& f) { f.uuid = "x"; }));
  EXPECT_TRUE(refused([](VolumeFormat& f) { f.bucket = ""; }));
  EXPECT_TRUE(refused([](VolumeFormat& f) { f.block_kib = 100; }));
  EXPECT_TRUE(refused([](VolumeFormat& f) { f.block_kib = 32; }));
  EXPECT_TRUE(refused([](VolumeFormat& f) { f.block_kib = 32 * 1024; }));
  EXPECT_TRUE(refused([](VolumeFormat& f) { f.compression = "lz4"; }));
  EXPECT_TRUE(refused([](VolumeFormat& f) { f.enable_acl = true; }));
}

}  // namespace
}  // namespace headrace::meta
