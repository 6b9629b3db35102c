// SPDX-License-Identifier: Apache-2.0
#include "meta/check.h"

#include <algorithm>
#include <set>

#include "meta/check_report.h"
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

using records::DirStatsKey;
using records::EntryKey;
using records::InodeKey;
using records::SliceRefKey;
using records::SlicesKey;
using testing::root;
using testing::TestVolume;

class Check : public testing::EachEngine {
 protected:
  CheckReport check(TestVolume& volume, CheckOptions options = {}) {
    auto report = check_volume(scope_, volume.engine(), options);
    EXPECT_TRUE(report);
    return report ? *report : CheckReport{};
  }
  std::set<FindingKind> kinds(TestVolume& volume) {
    std::set<FindingKind> kinds;
    for (const Finding& finding : check(volume).findings) {
      kinds.insert(finding.kind);
      EXPECT_FALSE(finding.sentence.empty());
    }
    return kinds;
  }
  using Kinds = std::set<FindingKind>;
};
ON_EACH_ENGINE(Check);

TEST_P(Check, ASoundVolumeHasNoFindings) {
  VolumeFormat format = testing::plain_format();
  format.trash_days = 1;
  TestVolume volume(GetParam(), format);
  const Ino directory = volume.make_directory(kRootIno, "d"), file = volume.make_file(directory, "a");
  volume.write(file, 0, 100'000);
  ASSERT_TRUE(volume->link(scope_, root(), file, kRootIno, "b"));
  ASSERT_TRUE(volume->unlink(scope_, root(), directory, "a"));
  volume.make_directory(directory, "gone");
  ASSERT_TRUE(volume->rmdir(scope_, root(), directory, "gone"));
  ASSERT_TRUE(volume->create_unnamed(scope_, root(), kRootIno, {}));
  const CheckReport report = check(volume);
  for (const Finding& finding : report.findings) ADD_FAILURE() << finding.sentence;
  EXPECT_EQ(report.findings_total, 0u);
  EXPECT_EQ(report.directories, 3u);
  EXPECT_EQ(report.files, 2u);
  EXPECT_EQ(report.slices, 1u);
  EXPECT_EQ(report.chunks, 1u);
  EXPECT_EQ(report.used_bytes, static_cast<std::uint64_t>(volume.counter("usedSpace")));
}

TEST_P(Check, ANameWithoutAnInodeIsFound) {
  TestVolume volume(GetParam());
  volume.erase_record(InodeKey{volume.make_file(kRootIno, "a")});
  EXPECT_EQ(kinds(volume),
            (Kinds{FindingKind::kEntryWithoutInode, FindingKind::kWrongDirStats, FindingKind::kWrongCounter}));
}

TEST_P(Check, AnInodeWithoutANameIsFound) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  volume.erase_record(EntryKey{kRootIno, "a"});
  EXPECT_EQ(kinds(volume), (Kinds{FindingKind::kNamelessInode, FindingKind::kWrongDirStats}));
}

TEST_P(Check, WrongLinkCountsAreFound) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a"), directory = volume.make_directory(kRootIno, "d");
  for (const Ino ino : {file, directory}) {
    Attr attr = volume.attr(ino);
    attr.nlink = 5;
    volume.put_record(InodeKey{ino}, attr);
  }
  const CheckReport report = check(volume);
  ASSERT_EQ(report.findings.size(), 2u);
  EXPECT_EQ(report.findings[0].kind, FindingKind::kWrongLinkCount);
  EXPECT_EQ(report.findings[0].ino, file);
  EXPECT_EQ(report.findings[1].ino, directory);
}

TEST_P(Check, ATypeAndAParentThatDoNotMatchAreFound) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  Attr attr = volume.attr(file);
  attr.parent = Ino{99};
  volume.put_record(InodeKey{file}, attr);
  volume.put_record(EntryKey{kRootIno, "a"}, {file, FileType::kFifo});
  EXPECT_EQ(kinds(volume), (Kinds{FindingKind::kWrongParent, FindingKind::kWrongEntryType}));
}

TEST_P(Check, StatisticsAreSummed) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_directory(kRootIno, "1"), two = volume.make_directory(kRootIno, "2");
  volume.put_record(DirStatsKey{one}, {1, 2, 3});
  volume.erase_record(DirStatsKey{two});
  volume.put_record(DirStatsKey{Ino{99}}, {0, 0, 0});
  EXPECT_EQ(kinds(volume), (Kinds{FindingKind::kWrongDirStats, FindingKind::kNoDirStats, FindingKind::kStrayRecord}));
}

TEST_P(Check, CountersAreSummed) {
  TestVolume volume(GetParam());
  volume.make_file(kRootIno, "a");
  volume.put_record(records::CounterKey{"totalInodes"}, 7);
  EXPECT_EQ(kinds(volume), (Kinds{FindingKind::kWrongCounter}));
}

TEST_P(Check, ReferencesOfSlicesAreCounted) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId one = volume.write(file, 0, 100), two = volume.write(file, 100, 100),
                three = volume.write(file, 200, 100);
  volume.put_record(SliceRefKey{one, 100}, 3);
  volume.erase_record(SliceRefKey{two, 100});
  volume.put_record(SliceRefKey{SliceId{1000}, 5}, 1);
  volume.put_record(SliceRefKey{SliceId{1001}, 5}, -1);
  const CheckReport report = check(volume);
  std::set<SliceId> found;
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.kind, FindingKind::kWrongSliceRefs);
    found.insert(finding.slice);
  }
  EXPECT_EQ(found, (std::set<SliceId>{one, two, SliceId{1000}})) << three.value();
}

TEST_P(Check, SlicesAreCountedInWindowsAsWell) {
  TestVolume volume(GetParam());
  const Ino one = volume.make_file(kRootIno, "a"), two = volume.make_file(kRootIno, "b");
  std::vector<SliceId> wanted;
  for (std::uint64_t i = 0; i < 50; ++i) wanted.push_back(volume.write(one, i * 100, 100));
  ASSERT_TRUE(volume->copy_range(scope_, one, 0, two, 0, 5000));
  CheckOptions options;
  options.slices_at_once = 7;
  std::vector<SliceId> needed;
  options.needed_slice = [&needed](SliceId slice, std::uint32_t size) -> Result<void> {
    EXPECT_EQ(size, 100u);
    needed.push_back(slice);
    return {};
  };
  const CheckReport report = check(volume, options);
  EXPECT_EQ(report.findings_total, 0u);
  EXPECT_EQ(report.slices, 50u);
  std::ranges::sort(wanted);
  EXPECT_EQ(needed, wanted) << "each once, in order";
}

TEST_P(Check, HiddenAndRetiredSlicesAreNeededToo) {
  VolumeFormat format = testing::plain_format();
  format.trash_days = 1;
  TestVolume volume(GetParam(), format);
  const Ino file = volume.make_file(kRootIno, "a");
  const SliceId hidden = volume.write(file, 0, 100), shown = volume.write(file, 0, 100);
  const auto plan = volume->plan_compaction(scope_, file, ChunkIndex{0});
  const auto made = volume->new_slice_id(scope_);
  ASSERT_TRUE(volume->commit_compaction(scope_, **plan, *made));
  std::set<SliceId> needed;
  CheckOptions options;
  options.needed_slice = [&needed](SliceId slice, std::uint32_t) -> Result<void> {
    needed.insert(slice);
    return {};
  };
  EXPECT_EQ(check(volume, options).findings_total, 0u);
  EXPECT_EQ(needed, (std::set<SliceId>{hidden, shown, *made}));
}

TEST_P(Check, AnErrorOfTheCallbackEndsTheCheck) {
  TestVolume volume(GetParam());
  volume.write(volume.make_file(kRootIno, "a"), 0, 100);
  CheckOptions options;
  options.needed_slice = [](SliceId, std::uint32_t) -> Result<void> { return Code::kInterrupted; };
  EXPECT_EQ(check_volume(scope_, volume.engine(), options).code(), Code::kInterrupted);
}

TEST_P(Check, ListsThatCannotBeAreFound) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.put_record(SlicesKey{file, ChunkIndex{0}}, {{0, SliceId{5}, 10, 5, 10}});
  volume.put_record(SliceRefKey{SliceId{5}, 10}, 1);
  volume.put_record(SlicesKey{file, ChunkIndex{1}}, records::SliceList(2501));
  volume.put_record(SlicesKey{Ino{99}, ChunkIndex{0}}, {{0, SliceId{0}, 0, 0, 10}});
  EXPECT_EQ(kinds(volume), (Kinds{FindingKind::kDamagedList, FindingKind::kLongList, FindingKind::kStrayRecord}));
}

TEST_P(Check, BytesThatWouldShowWhenTheFileGrowsAreFound) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 100);
  Attr attr = volume.attr(file);
  attr.length = 50;
  volume.put_record(InodeKey{file}, attr);
  EXPECT_TRUE(kinds(volume).contains(FindingKind::kDataBeyondLength));
}

TEST_P(Check, TheByteThatACompactedHoleLeavesIsNoFaultAndAnyOtherOneIs) {
  TestVolume volume(GetParam());
  const Ino hole = volume.make_file(kRootIno, "hole"), written = volume.make_file(kRootIno, "written");
  for (const Ino file : {hole, written}) {
    volume.put_record(records::SlicesKey{file, ChunkIndex{0}}, {{100, SliceId{file.value()}, 1, 0, 1}});
    volume.put_record(records::SliceRefKey{SliceId{file.value()}, 1}, 1);
  }
  EXPECT_EQ(kinds(volume), Kinds{}) << "without the objects both may be zeros";
  CheckOptions options;
  options.is_zero = [&](const records::Slice& reference) -> Result<bool> {
    EXPECT_EQ(reference.pos, 100u);
    return reference.id == SliceId{hole.value()};
  };
  const CheckReport report = check(volume, options);
  ASSERT_EQ(report.findings_total, 1u);
  EXPECT_EQ(report.findings[0].kind, FindingKind::kDataBeyondLength);
  EXPECT_EQ(report.findings[0].ino, written);
  // Behind a short reference no compaction leaves it.
  volume.put_record(records::SlicesKey{written, ChunkIndex{0}},
                    {{0, SliceId{0}, 0, 0, 50}, {100, SliceId{written.value()}, 1, 0, 1}});
  EXPECT_EQ(kinds(volume), Kinds{FindingKind::kDataBeyondLength});
}

TEST_P(Check, OnlyWhatLiesBehindTheLengthMustBeZero) {
  TestVolume volume(GetParam());
  const Ino file = volume.make_file(kRootIno, "a");
  volume.write(file, 0, 100);
  Attr attr = volume.attr(file);
  attr.length = 60;
  volume.put_record(InodeKey{file}, attr);
  CheckOptions options;
  options.is_zero = [](const records::Slice& reference) -> Result<bool> {
    EXPECT_EQ(reference.pos, 60u);
    EXPECT_EQ(reference.off, 60u);
    EXPECT_EQ(reference.len, 40u);
    return true;
  };
  for (const Finding& finding : check(volume, options).findings)
    EXPECT_NE(finding.kind, FindingKind::kDataBeyondLength);
  options.is_zero = [](const records::Slice&) -> Result<bool> { return Code::kTransient; };
  EXPECT_EQ(check_volume(scope_, volume.engine(), options).code(), Code::kTransient);
}

TEST_P(Check, FilesBetweenLifeAndDeathAreFound) {
  TestVolume volume(GetParam());
  const Ino named = volume.make_file(kRootIno, "a"), deleted = volume.make_file(kRootIno, "b");
  volume.put_record(records::SustainedKey{SessionId{1}, named}, {});
  volume.put_record(records::SustainedKey{SessionId{1}, Ino{99}}, {});
  volume.put_record(records::DeletedFileKey{deleted}, {0, 0});
  EXPECT_EQ(kinds(volume), (Kinds{FindingKind::kWrongSustained, FindingKind::kDeletedInode}));
}

TEST_P(Check, SymlinksWithoutATargetAreFound) {
  TestVolume volume(GetParam());
  NewNode symlink;
  symlink.type = FileType::kSymlink;
  symlink.symlink_target = "there";
  const auto made = volume->mknod(scope_, root(), kRootIno, "s", symlink);
  volume.put_record(records::SymlinkKey{made->ino}, {"elsewhere"});
  EXPECT_EQ(kinds(volume), (Kinds{FindingKind::kNoTarget}));
  volume.erase_record(records::SymlinkKey{made->ino});
  volume.put_record(records::XattrKey{Ino{99}, "user.a"}, {"1"});
  EXPECT_EQ(kinds(volume), (Kinds{FindingKind::kNoTarget, FindingKind::kStrayRecord}));
}

TEST_P(Check, AMissingRootIsFound) {
  TestVolume volume(GetParam());
  volume.erase_record(InodeKey{kRootIno});
  EXPECT_TRUE(kinds(volume).contains(FindingKind::kNoRoot));
}

TEST_P(Check, FindingsHaveABoundAndAreAllCounted) {
  TestVolume volume(GetParam());
  for (int i = 0; i < 20; ++i) volume.erase_record(InodeKey{volume.make_file(kRootIno, std::to_string(i))});
  CheckOptions options;
  options.findings_max = 5;
  const CheckReport report = check(volume, options);
  EXPECT_EQ(report.findings.size(), 5u);
  EXPECT_GE(report.findings_total, 20u);
}

TEST(FindingNames, EveryKindHasOneOfItsOwn) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(FindingKind::kDamagedRecord); ++kind)
    names.insert(name_of(static_cast<FindingKind>(kind)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(FindingKind::kDamagedRecord) + 1);
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace headrace::meta
