// SPDX-License-Identifier: Apache-2.0
// What operations share: accounts, permissions, reading, removing.
#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/permission.h"
#include "meta/ops/remove.h"
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using testing::TestVolume;
using testing::user;

class Nobody final : public Holders {
 public:
  bool is_held(Ino) override { return false; }
  bool was_held_before_trash(Ino) override { return false; }
};

TEST(Accounts, EveryTypeCostsABlockAndFilesTheirLengthInBlocks) {
  Attr attr;
  EXPECT_EQ(ops::usage_of(attr).space, 4096);
  attr.length = 4097;
  EXPECT_EQ(ops::usage_of(attr).space, 8192);
  EXPECT_EQ(ops::usage_of(attr).length, 4097);
  attr.type = FileType::kSymlink;
  EXPECT_EQ(ops::usage_of(attr).space, 4096);
  EXPECT_EQ(ops::usage_of(attr).length, 0);
}

TEST(Accounts, ADirectoryWhoseTimesLieAheadIsTouchedAllTheSame) {
  Nobody nobody;
  const VolumeFormat format = testing::plain_format();
  const OpContext context{format, 0, {1000, 0}, SessionId{1}, std::chrono::milliseconds(100), nobody};
  Attr directory;
  directory.mtime = {2000, 0};
  EXPECT_TRUE(ops::touch_directory(context, directory, false));
  EXPECT_EQ(directory.mtime, (Timestamp{1000, 0}));
  EXPECT_FALSE(ops::touch_directory(context, directory, false));
  EXPECT_TRUE(ops::touch_directory(context, directory, true));
}

TEST(Permissions, AWriteTakesWhatItMust) {
  const auto after = [](const Caller& caller, std::uint16_t mode) {
    Attr attr;
    attr.mode = mode;
    attr.gid = 7;
    return ops::mode_after_write(caller, attr);
  };
  EXPECT_EQ(after(testing::root(), 06755), 06755);
  EXPECT_EQ(after(user(7), 06755), 0755);
  EXPECT_EQ(after(user(7), 06644), 02644) << "without group execution the bit means locking, and members keep it";
  EXPECT_EQ(after(user(8), 06644), 0644);
}

class Loading : public testing::EachEngine {};
ON_EACH_ENGINE(Loading);

TEST_P(Loading, TheParentsOfAnInodeLeadToTheRoot) {
  TestVolume volume(GetParam());
  const Ino a = volume.make_directory(kRootIno, "a"), b = volume.make_directory(a, "b"),
            c = volume.make_directory(kRootIno, "c");
  const auto inside = [&](Ino inner, Ino outer) {
    return volume.engine().read(scope_, {}, [&](records::RecordTxn& txn) { return ops::is_inside(txn, inner, outer); });
  };
  EXPECT_TRUE(*inside(b, a));
  EXPECT_TRUE(*inside(a, a));
  EXPECT_TRUE(*inside(b, kRootIno));
  EXPECT_FALSE(*inside(a, b));
  EXPECT_FALSE(*inside(c, a));
}

TEST_P(Loading, ParentsThatRunInACircleEnd) {
  TestVolume volume(GetParam());
  const Ino a = volume.make_directory(kRootIno, "a"), b = volume.make_directory(a, "b");
  Attr attr = volume.attr(a);
  attr.parent = b;
  volume.put_record(records::InodeKey{a}, attr);
  const auto inside =
      volume.engine().read(scope_, {}, [&](records::RecordTxn& txn) { return ops::is_inside(txn, a, Ino{99}); });
  EXPECT_EQ(inside.code(), Code::kDamaged);
}

}  // namespace
}  // namespace headrace::meta
