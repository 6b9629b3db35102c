// SPDX-License-Identifier: Apache-2.0
#include "meta/volume.h"

#include <nlohmann/json.hpp>

#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::SettingKey;
using testing::root;
using testing::TestVolume;

class OpenVolume : public testing::EachEngine {
 protected:
  /// Changes members of the stored description.
  template <class T>
  static void set_member(TestVolume& volume, const char* name, const T& value) {
    auto document = nlohmann::ordered_json::parse(volume.record(SettingKey{})->json);
    document[name] = value;
    volume.put_record(SettingKey{}, {document.dump()});
  }
  static Result<std::unique_ptr<Volume>> open(TestVolume& volume, bool read_only) {
    VolumeOptions options;
    options.is_read_only = read_only;
    return Volume::open(Scope{}, volume.engine(), volume.scheduler(), volume.log(), options);
  }
};
ON_EACH_ENGINE(OpenVolume);

TEST_P(OpenVolume, FeaturesThatAreNotKeptUpAreReadOnly) {
  for (const char* feature : {"EnableACL", "UserGroupQuota", "ChangeLog"}) {
    TestVolume volume(GetParam());
    set_member(volume, feature, true);
    const auto writable = open(volume, false);
    ASSERT_FALSE(writable);
    EXPECT_EQ(writable.code(), Code::kReadOnly);
    EXPECT_FALSE(writable.error().message.empty());
    EXPECT_TRUE(open(volume, true));
  }
}

TEST_P(OpenVolume, FormatsThatCannotBeReadAreRefused) {
  TestVolume volume(GetParam());
  set_member(volume, "Compression", "lz4");
  EXPECT_EQ(open(volume, true).code(), Code::kVersion);
  set_member(volume, "Compression", "none");
  set_member(volume, "MetaVersion", 2);
  EXPECT_EQ(open(volume, true).code(), Code::kVersion);
}

TEST_P(OpenVolume, DirectoryQuotasMakeItReadOnly) {
  TestVolume volume(GetParam());
  volume.put_record(records::DirQuotaKey{kRootIno}, {1 << 20, -1, 0, 0});
  EXPECT_EQ(open(volume, false).code(), Code::kReadOnly);
  EXPECT_TRUE(open(volume, true));
}

TEST_P(OpenVolume, AHeartbeatAppliesWhatChanged) {
  TestVolume volume(GetParam());
  const VolumeFormat& before = volume->format();
  set_member(volume, "TrashDays", 3);
  ASSERT_TRUE(volume->heartbeat(scope_));
  EXPECT_EQ(volume->format().trash_days, 3u);
  EXPECT_EQ(before.trash_days, 0u) << "a reference taken before stays what it was";
  volume.make_file(kRootIno, "a");
  EXPECT_TRUE(volume->unlink(scope_, root(), kRootIno, "a")->is_in_trash)
      << "the trash root is made when it is first needed";
  EXPECT_EQ(volume->lookup(scope_, kRootIno, ".trash")->ino, kTrashRoot);
}

TEST_P(OpenVolume, AFeatureThatAppearsTurnsTheVolumeReadOnly) {
  TestVolume volume(GetParam());
  set_member(volume, "EnableACL", true);
  ASSERT_TRUE(volume->heartbeat(scope_));
  EXPECT_TRUE(volume->is_read_only());
  EXPECT_EQ(volume->mknod(scope_, root(), kRootIno, "a", {}).code(), Code::kReadOnly);
  EXPECT_TRUE(volume->lookup(scope_, kRootIno, "."));
}

TEST_P(OpenVolume, AVolumeThatWasReplacedOrDestroyedIsStale) {
  TestVolume volume(GetParam());
  set_member(volume, "UUID", "11111111-1c2d-4e3f-8a9b-0c1d2e3f4a5b");
  EXPECT_EQ(volume->heartbeat(scope_).code(), Code::kStale);
  volume.erase_record(SettingKey{});
  EXPECT_EQ(volume->heartbeat(scope_).code(), Code::kStale);
}

TEST_P(OpenVolume, TheRootGetsItsStatistics) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  volume.erase_record(records::DirStatsKey{kRootIno});
  ASSERT_TRUE(open(volume, false));
  EXPECT_EQ(volume.record(records::DirStatsKey{kRootIno}), (records::DirStatsRecord{0, 4096, 1}));
}

TEST_P(OpenVolume, AFailedEndOfAHeldFileIsTriedAgain) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->hold(scope_, file));
  ASSERT_TRUE(volume->unlink(scope_, root(), kRootIno, "a"));
  Scope late;
  late.deadline = Moment::min();
  EXPECT_EQ(volume->release(late, file).code(), Code::kTimedOut);
  EXPECT_TRUE(volume->getattr(scope_, file));
  ASSERT_TRUE(volume->heartbeat(scope_));
  EXPECT_EQ(volume->getattr(scope_, file).code(), Code::kNotFound);
}

}  // namespace
}  // namespace headrace::meta
