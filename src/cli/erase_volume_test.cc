// SPDX-License-Identifier: Apache-2.0
#include "cli/erase_volume.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/uuid.h"
#include "cli/volume_access.h"
#include "cli/volume_store.h"
#include "object/testing/temporary_directory.h"

namespace headrace::cli {
namespace {

class EraseVolumeTest : public testing::TestWithParam<std::string> {
 protected:
  std::string url() const { return GetParam() == "sqlite" ? "sqlite3://" + (folder_ / "meta.db") : "memory://"; }
  meta::VolumeFormat new_format() const {
    Rng rng(7);
    meta::VolumeFormat format;
    format.name = "vol";
    format.uuid = new_uuid(rng);
    format.storage = "file";
    format.bucket = folder_ / "bucket/";
    return format;
  }
  std::unique_ptr<records::RecordEngine> engine() {
    return records::open_engine(url(), {.create = true}, scheduler_).value();
  }

  SystemScheduler scheduler_;
  const Log log_{2, LogLevel::kOff};
  object::TemporaryDirectory folder_;
};

TEST_P(EraseVolumeTest, NothingIsLeftAndANewVolumeFits) {
  const auto engine = this->engine();
  ASSERT_TRUE(meta::format_volume({}, *engine, scheduler_.clock(), new_format(), false));
  {
    const auto volume = meta::Volume::open({}, *engine, scheduler_, log_, {.mount_point = "test"}).value();
    const Caller root;
    const auto folder =
        volume->mknod({}, root, kRootIno, "d", {.type = FileType::kDirectory, .mode = 0755, .symlink_target = {}})
            .value();
    for (int i = 0; i < 1500; ++i) {
      ASSERT_TRUE(volume->mknod({}, root, folder.ino, "f" + std::to_string(i), {.mode = 0644, .symlink_target = {}}));
    }
    const auto link =
        volume->mknod({}, root, kRootIno, "l", {.type = FileType::kSymlink, .mode = 0777, .symlink_target = "d"})
            .value();
    ASSERT_TRUE(volume->setxattr({}, folder.ino, "user.a", "b", 0));
    ASSERT_TRUE(volume->flock({}, folder.ino, LockOwner{5}, 1));
    EXPECT_EQ(link.attr.type, FileType::kSymlink);
    // The session is left behind, as by a crash.
    std::uint64_t erased = 0;
    ASSERT_TRUE(erase_volume({}, *engine, [&erased](std::uint64_t count) { erased = count; }));
    EXPECT_GT(erased, 3000u);
    static_cast<void>(volume->close({}).has_value());
  }
  EXPECT_EQ(meta::load_format({}, *engine).code(), Code::kNotFound);
  const auto again = meta::format_volume({}, *engine, scheduler_.clock(), new_format(), false);
  ASSERT_TRUE(again) << again.error().text();
  const auto volume = meta::Volume::open({}, *engine, scheduler_, log_, {.mount_point = "test"}).value();
  EXPECT_TRUE(volume->readdir({}, kRootIno, "", 10, false).value().empty());
  EXPECT_EQ(volume->usage({}).value().used_inodes, 0u);
  ASSERT_TRUE(volume->close({}));
}

INSTANTIATE_TEST_SUITE_P(Engines, EraseVolumeTest, testing::Values("memory", "sqlite"),
                         [](const auto& kind) { return kind.param; });

TEST(VolumeAccess, WhatIsNotThereAndWhatIsNoVolumeAreToldApartAndSayWhatToDo) {
  SystemScheduler scheduler;
  object::TemporaryDirectory folder;
  const auto missing = open_volume({}, scheduler, "sqlite3://" + (folder / "none.db"), false);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().exit, Exit::kNotFound);
  EXPECT_NE(missing.error().hint.find("headrace format"), std::string::npos);
  const auto wrong = open_volume({}, scheduler, "nonsense", false);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().exit, Exit::kUsage);
  const auto secret = open_volume({}, scheduler, "redis://:canary@host:6379/1", false);
  ASSERT_FALSE(secret);
  EXPECT_EQ((secret.error().what + secret.error().hint).find("canary"), std::string::npos) << secret.error().what;
}

TEST(VolumeStore, AVolumesObjectsLieBelowItsNameInTheBucketThatItsKeyChooses) {
  SystemScheduler scheduler;
  object::TemporaryDirectory folder;
  meta::VolumeFormat format;
  format.name = "vol";
  format.storage = "file";
  format.shards = 4;
  format.bucket = folder / "shard-%d/";
  const auto store = VolumeStore::open(format, scheduler, {.make_directory = true}).value();
  ASSERT_TRUE(test_objects({}, store->objects()));
  const std::string text = "x";
  const ByteSpan part = bytes_of(text);
  ASSERT_TRUE(store->objects().put({}, "chunks/0/0/1_0_5", std::span(&part, 1)));
  const std::string shard = std::to_string(object::fnv1a("vol/chunks/0/0/1_0_5") % 4);
  const auto alone = VolumeStore::open(
                         [&] {
                           meta::VolumeFormat one = format;
                           one.shards = 0;
                           one.bucket = folder / ("shard-" + shard);
                           return one;
                         }(),
                         scheduler, {})
                         .value();
  EXPECT_TRUE(alone->objects().head({}, "chunks/0/0/1_0_5"));
}

TEST(VolumeStore, WhatItCannotReachIsRefusedByName) {
  SystemScheduler scheduler;
  meta::VolumeFormat format;
  format.name = "vol";
  format.storage = "s3";
  format.bucket = "https://b.s3.amazonaws.com";
  const auto s3 = VolumeStore::open(format, scheduler, {});
  ASSERT_FALSE(s3);
  EXPECT_EQ(s3.code(), Code::kNotSupported);
  EXPECT_NE(s3.error().message.find("'s3'"), std::string::npos);
  EXPECT_EQ(bucket_names("/b/", 3).code(), Code::kInvalid);
  EXPECT_EQ(bucket_names("/b%d/%d", 3).code(), Code::kInvalid);
  EXPECT_EQ(bucket_names("/b-%d/", 3).value(), (std::vector<std::string>{"/b-0/", "/b-1/", "/b-2/"}));
  EXPECT_EQ(bucket_names("/b/", 1).value(), std::vector<std::string>{"/b/"});
}

}  // namespace
}  // namespace headrace::cli
