// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::TestVolume;

constexpr LockOwner kAnna{1}, kBen{2}, kCleo{3};

class Flock : public testing::EachEngine {};
ON_EACH_ENGINE(Flock);

TEST_P(Flock, ManyReadersOrOneWriter) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_TRUE(volume->flock(scope_, file, kAnna, F_RDLCK));
  EXPECT_TRUE(volume->flock(scope_, file, kBen, F_RDLCK));
  EXPECT_EQ(volume->flock(scope_, file, kCleo, F_WRLCK).code(), Code::kWouldBlock);
  EXPECT_TRUE(volume->flock(scope_, file, kAnna, F_UNLCK));
  EXPECT_TRUE(volume->flock(scope_, file, kBen, F_UNLCK));
  EXPECT_TRUE(volume->flock(scope_, file, kCleo, F_WRLCK));
  EXPECT_EQ(volume->flock(scope_, file, kAnna, F_RDLCK).code(), Code::kWouldBlock);
}

TEST_P(Flock, AnOwnLockIsConverted) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  EXPECT_TRUE(volume->flock(scope_, file, kAnna, F_RDLCK));
  EXPECT_TRUE(volume->flock(scope_, file, kAnna, F_WRLCK));
  EXPECT_EQ(volume->flock(scope_, file, kBen, F_RDLCK).code(), Code::kWouldBlock);
  EXPECT_TRUE(volume->flock(scope_, file, kAnna, F_RDLCK));
  EXPECT_TRUE(volume->flock(scope_, file, kBen, F_RDLCK));
}

TEST_P(Flock, AConversionThatMustWaitGivesTheOldLockUpSoThatTwoCannotWaitForEachOther) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(volume->flock(scope_, file, kAnna, F_RDLCK));
  ASSERT_TRUE(volume->flock(scope_, file, kBen, F_RDLCK));
  EXPECT_EQ(volume->flock(scope_, file, kAnna, F_WRLCK).code(), Code::kWouldBlock);
  EXPECT_TRUE(volume->flock(scope_, file, kBen, F_WRLCK));
}

TEST_P(Flock, LocksOfTwoClientsMeet) {
  TestVolume volume(GetParam());
  const auto other = volume.open_another();
  const Ino file = volume.make_file(kRootIno, "a");
  ASSERT_TRUE(other->flock(scope_, file, kAnna, F_WRLCK));
  EXPECT_EQ(volume->flock(scope_, file, kAnna, F_RDLCK).code(), Code::kWouldBlock);
  ASSERT_TRUE(other->close(scope_));
  EXPECT_TRUE(volume->flock(scope_, file, kAnna, F_RDLCK));
}

TEST_P(Flock, ALockWhoseSessionIsGoneDoesNotCount) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const records::FlockKey left_over{file, SessionId{99}, kBen};
  volume.put_record(left_over, {false});
  EXPECT_TRUE(volume->flock(scope_, file, kAnna, F_WRLCK));
  EXPECT_FALSE(volume.record(left_over));
}

TEST_P(Flock, OnlyWhatExistsIsLocked) {
  TestVolume volume(GetParam());
  EXPECT_EQ(volume->flock(scope_, Ino{77}, kAnna, F_RDLCK).code(), Code::kNotFound);
  EXPECT_EQ(volume->flock(scope_, kRootIno, kAnna, 9).code(), Code::kInvalid);
  EXPECT_TRUE(volume->flock(scope_, Ino{77}, kAnna, F_UNLCK)) << "a file that is gone has no lock to keep";
}

}  // namespace
}  // namespace headrace::meta
