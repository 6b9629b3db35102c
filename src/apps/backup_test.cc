// SPDX-License-Identifier: Apache-2.0
// A backup is made when there is something new, by one client at a time, and the volume comes back out of it.
#include "apps/backup.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <istream>

#include "base/fd.h"
#include "cli/gzip.h"
#include "meta/backup_names.h"
#include "meta/check.h"
#include "meta/load_dump.h"
#include "meta/testing/test_volume.h"
#include "object/memory_store.h"

namespace headrace::apps {
namespace {

using Made = MetaBackup::Made;
constexpr Duration kHour = std::chrono::hours(1);

class Backup : public testing::Test {
 protected:
  std::vector<std::string> stored() {
    std::vector<std::string> keys;
    for (const object::ObjectInfo& info : objects_.list(Scope{}, "", "", 10'000).value().objects)
      keys.push_back(info.key);
    return keys;
  }
  MetaBackup backup_of(meta::Volume& volume) {
    return MetaBackup(volume, objects_, volume_.scheduler(), volume_.log(), options_);
  }
  void change() { volume_.make_file(kRootIno, "f" + std::to_string(++made_)); }

  meta::testing::TestVolume volume_{"memory"};
  object::MemoryStore objects_{volume_.scheduler().clock()};
  BackupOptions options_;
  int made_ = 0;
};

TEST_F(Backup, TheVolumeComesBackOutOfIt) {
  const Ino file = volume_.make_file(kRootIno, "file");
  volume_.write(file, 0, 1000);
  MetaBackup backup = backup_of(*volume_);
  ASSERT_EQ(backup.run_once(Scope{}, kHour).value(), Made::kStored);
  const std::vector<std::string> keys = stored();
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_TRUE(meta::backup_time(keys[0].substr(5))) << keys[0];

  std::vector<std::byte> bytes(objects_.head(Scope{}, keys[0])->size);
  ASSERT_TRUE(objects_.get(Scope{}, keys[0], 0, bytes));
  const UniqueFd copy(::memfd_create("copy", MFD_CLOEXEC));
  ASSERT_TRUE(pwrite_all(copy.get(), bytes, 0));
  cli::GunzipBuffer buffer(copy.get());
  std::istream in(&buffer);
  SystemScheduler scheduler;
  const auto engine = records::open_engine("memory://", {}, scheduler).value();
  const auto loaded = meta::load_dump(Scope{}, *engine, scheduler.clock(), in);
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->inodes, 1u);
  EXPECT_EQ(meta::check_volume(Scope{}, *engine, {})->findings_total, 0u);
}

TEST_F(Backup, NothingIsStoredWhenNothingChanged) {
  change();
  MetaBackup backup = backup_of(*volume_);
  ASSERT_EQ(backup.run_once(Scope{}, kHour).value(), Made::kStored);
  volume_.pass(kHour * 2);
  EXPECT_EQ(backup.run_once(Scope{}, kHour).value(), Made::kNothingToDo);
  // Another mount does not know; it finds what it would store.
  const auto other = volume_.open_another();
  MetaBackup theirs = backup_of(*other);
  EXPECT_EQ(theirs.run_once(Scope{}, kHour).value(), Made::kUnchanged);
  EXPECT_EQ(stored().size(), 1u);
  change();
  volume_.pass(kHour * 2);
  EXPECT_EQ(backup.run_once(Scope{}, kHour).value(), Made::kStored);
  EXPECT_EQ(stored().size(), 2u);
}

TEST_F(Backup, OfTwoMountsOneMakesIt) {
  const auto other = volume_.open_another();
  MetaBackup ours = backup_of(*volume_), theirs = backup_of(*other);
  change();
  EXPECT_EQ(ours.run_once(Scope{}, kHour).value(), Made::kStored);
  EXPECT_EQ(theirs.run_once(Scope{}, kHour).value(), Made::kNotDue);
  volume_.pass(kHour);
  change();
  EXPECT_EQ(theirs.run_once(Scope{}, kHour).value(), Made::kStored);
  EXPECT_EQ(ours.run_once(Scope{}, kHour).value(), Made::kNotDue);
}

TEST_F(Backup, TheEndOfAMountThatChangedSomethingMakesOneThatIsNotDue) {
  MetaBackup backup = backup_of(*volume_);
  backup.finish();
  EXPECT_EQ(stored().size(), 0u) << "nothing was changed";
  change();
  ASSERT_EQ(backup.run_once(Scope{}, kHour).value(), Made::kStored);
  volume_.pass(std::chrono::seconds(2));
  backup.finish();
  EXPECT_EQ(stored().size(), 1u) << "nothing was changed since";
  change();
  backup.finish();
  EXPECT_EQ(stored().size(), 2u);
}

TEST_F(Backup, OneThatTakesTooLongIsGivenUpAndTheOneBeforeStays) {
  change();
  MetaBackup backup = backup_of(*volume_);
  ASSERT_EQ(backup.run_once(Scope{}, kHour).value(), Made::kStored);
  change();
  volume_.pass(kHour);
  EXPECT_EQ(backup.run_once(Scope{volume_.scheduler().clock().now(), {}}, kHour).code(), Code::kTimedOut);
  EXPECT_EQ(stored().size(), 1u);
  EXPECT_EQ(backup.run_once(Scope{}, Duration(0)).value(), Made::kStored) << "it is tried again";
}

TEST_F(Backup, OldOnesGo) {
  for (int day = 0; day < 5; ++day) {
    for (int i = 0; i < 3; ++i) {
      change();
      volume_.pass(kHour * 8);
      MetaBackup backup = backup_of(*volume_);
      ASSERT_EQ(backup.run_once(Scope{}, kHour).value(), Made::kStored);
    }
  }
  EXPECT_LT(stored().size(), 11u);
  EXPECT_GE(stored().size(), 8u);
}

TEST_F(Backup, LargeVolumesAreNotBackedUpHourly) {
  options_.inodes_max_hourly = 2;
  for (int i = 0; i < 3; ++i) change();
  MetaBackup backup = backup_of(*volume_);
  EXPECT_EQ(backup.run_once(Scope{}, kHour).code(), Code::kTooBig);
  options_.interval = kHour * 2;
  MetaBackup seldom = backup_of(*volume_);
  EXPECT_EQ(seldom.run_once(Scope{}, kHour).value(), Made::kStored);
}

TEST_F(Backup, AnIntervalOfNothingMeansNone) {
  options_.interval = Duration(0);
  MetaBackup backup = backup_of(*volume_);
  change();
  backup.start();
  backup.close();
  backup.finish();
  EXPECT_TRUE(stored().empty());
}

TEST(BackupThread, MakesThemByItself) {
  SystemScheduler scheduler;
  const Log log(-1, LogLevel::kOff);
  const auto engine = records::open_engine("memory://", {}, scheduler).value();
  ASSERT_TRUE(meta::format_volume(Scope{}, *engine, scheduler.clock(), meta::testing::plain_format(), false));
  const auto volume = meta::Volume::open(Scope{}, *engine, scheduler, log, {}).value();
  object::MemoryStore objects(scheduler.clock());
  BackupOptions options;
  options.interval = std::chrono::seconds(1);
  MetaBackup backup(*volume, objects, scheduler, log, options);
  backup.start();
  const Moment deadline = scheduler.clock().now() + std::chrono::seconds(60);
  while (objects.object_count() == 0 && scheduler.clock().now() < deadline)
    ASSERT_TRUE(pause(scheduler, Scope{}, std::chrono::milliseconds(20)));
  EXPECT_EQ(objects.object_count(), 1u);
  backup.close();
  ASSERT_TRUE(volume->close(Scope{}));
}

}  // namespace
}  // namespace headrace::apps
