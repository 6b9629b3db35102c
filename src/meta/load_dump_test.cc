// SPDX-License-Identifier: Apache-2.0
// What is dumped and loaded again is the same volume, and what contradicts itself is refused with its place.
#include "meta/load_dump.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "meta/check.h"
#include "meta/dump.h"
#include "meta/testing/engines.h"

namespace headrace::meta {
namespace {

class Dump : public testing::EachEngine {
 protected:
  std::string dump_of(records::RecordEngine& engine, const Clock& clock, DumpSummary* summary = nullptr,
                      DumpOptions options = {}) {
    std::string text;
    const auto take = [&](std::string_view piece) -> Result<void> {
      text += piece;
      return {};
    };
    const Result<DumpSummary> dumped = dump_volume(scope_, engine, clock, options, take);
    EXPECT_TRUE(dumped) << dumped.error().text();
    if (summary != nullptr && dumped) *summary = *dumped;
    return text;
  }
  /// A volume with something of everything.
  static VolumeFormat format() {
    VolumeFormat wanted = testing::plain_format();
    wanted.trash_days = 1;
    return wanted;
  }
  void fill(testing::TestVolume& volume) {
    const Ino d = volume.make_directory(kRootIno, "d"), deeper = volume.make_directory(d, "deeper");
    const Ino file = volume.make_file(d, "f");
    volume.write(file, 0, 1000);
    volume.write(file, kChunkBytes - 10, 50);
    ASSERT_TRUE(volume->truncate(scope_, {}, file, kChunkBytes * 3));
    ASSERT_TRUE(volume->link(scope_, {}, file, deeper, "again"));
    ASSERT_TRUE(volume->setxattr(scope_, file, "user.a", std::string_view("\0\xFF%41", 5), 0));
    ASSERT_TRUE(volume->setxattr(scope_, kRootIno, "user.b", "", 0));
    ASSERT_TRUE(
        volume->mknod(scope_, {}, kRootIno, "l\"\n\xFF", {.type = FileType::kSymlink, .symlink_target = "a b%"}));
    ASSERT_TRUE(volume->mknod(scope_, {}, kRootIno, "pipe", {.type = FileType::kFifo, .symlink_target = {}}));
    const Ino copy = volume.make_file(kRootIno, "copy");
    ASSERT_TRUE(volume->copy_range(scope_, file, 0, copy, 5, 1000));
    const Ino gone = volume.make_file(d, "gone");
    volume.write(gone, 0, 5000);
    ASSERT_TRUE(volume->unlink(scope_, {}, d, "gone"));
  }
  Result<LoadSummary> load(const std::string& text, records::RecordEngine& engine, const Clock& clock) {
    std::istringstream in(text);
    return load_dump(scope_, engine, clock, in);
  }

  SystemScheduler scheduler_;
};
ON_EACH_ENGINE(Dump);

std::string without_counters(const std::string& text) {
  const std::size_t begin = text.find("  \"Counters\""), end = text.find("  \"Sustained\"");
  return text.substr(0, begin) + text.substr(end);
}

TEST_P(Dump, WhatIsLoadedIsTheVolumeThatWasDumped) {
  testing::TestVolume volume(GetParam(), format());
  fill(volume);
  DumpSummary first, second;
  const std::string text = dump_of(volume.engine(), scheduler_.clock(), &first);
  const auto engine = records::open_engine("memory://", {}, scheduler_).value();
  const Result<LoadSummary> loaded = load(text, *engine, scheduler_.clock());
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->format, volume->format());
  EXPECT_EQ(without_counters(dump_of(*engine, scheduler_.clock(), &second)), without_counters(text));
  EXPECT_EQ(second.digest, first.digest);
  const Result<CheckReport> report = check_volume(scope_, *engine, {});
  ASSERT_TRUE(report) << report.error().text();
  for (const Finding& finding : report->findings) ADD_FAILURE() << finding.sentence;
  EXPECT_EQ(loaded->inodes, report->directories + report->files + report->others);
}

TEST_P(Dump, NewSlicesNeverTakeTheNumbersOfThoseWrittenAfterTheDump) {
  testing::TestVolume volume(GetParam());
  const std::string text = dump_of(volume.engine(), scheduler_.clock());
  const SliceId later = volume.write(volume.make_file(kRootIno, "later"), 0, 10);
  const auto engine = records::open_engine("memory://", {}, scheduler_).value();
  ASSERT_TRUE(load(text, *engine, scheduler_.clock()));
  EXPECT_GT(engine->reserve(scope_, records::IdKind::kSlice, 1)->first, later.value() + 1'000'000);
}

TEST_P(Dump, TheDigestChangesWithTheVolumeAndNotWithBackups) {
  testing::TestVolume volume(GetParam());
  fill(volume);
  DumpSummary before, marked, changed;
  dump_of(volume.engine(), scheduler_.clock(), &before);
  const std::uint64_t changes = volume->changes();
  ASSERT_TRUE(volume->claim_backup(scope_, std::chrono::hours(1)).value());
  EXPECT_EQ(volume->changes(), changes);
  ASSERT_TRUE(volume.open_another());  // sessions come and go
  dump_of(volume.engine(), scheduler_.clock(), &marked);
  EXPECT_EQ(marked.digest, before.digest);
  EXPECT_NE(marked.bytes, before.bytes) << "the mark itself is in the dump";
  volume.set_mode(kRootIno, 0700);
  EXPECT_GT(volume->changes(), changes);
  dump_of(volume.engine(), scheduler_.clock(), &changed);
  EXPECT_NE(changed.digest, before.digest);
}

TEST_P(Dump, OneClientAtATimeBacksUp) {
  testing::TestVolume volume(GetParam());
  const auto other = volume.open_another();
  EXPECT_TRUE(volume->claim_backup(scope_, std::chrono::hours(1)).value());
  EXPECT_FALSE(other->claim_backup(scope_, std::chrono::hours(1)).value());
  volume.pass(std::chrono::minutes(59));
  EXPECT_FALSE(other->claim_backup(scope_, std::chrono::hours(1)).value());
  volume.pass(std::chrono::minutes(1));
  EXPECT_TRUE(other->claim_backup(scope_, std::chrono::hours(1)).value());
}

TEST_P(Dump, TheTrashCanBeLeftOut) {
  testing::TestVolume volume(GetParam(), format());
  fill(volume);
  const std::string text = dump_of(volume.engine(), scheduler_.clock(), nullptr, {.skip_trash = true});
  EXPECT_EQ(text.find("\"Trash\""), std::string::npos);
  const auto engine = records::open_engine("memory://", {}, scheduler_).value();
  ASSERT_TRUE(load(text, *engine, scheduler_.clock()));
  EXPECT_EQ(check_volume(scope_, *engine, {})->findings_total, 0u);
  EXPECT_TRUE(
      engine->read(scope_, {}, [](records::RecordTxn& txn) { return records::get(txn, records::InodeKey{kTrashRoot}); })
          ->has_value());
}

TEST_P(Dump, ADeepTreeTakesNoStack) {
  testing::TestVolume volume(GetParam());
  Ino at = kRootIno;
  for (int depth = 0; depth < 500; ++depth) at = volume.make_directory(at, "d");
  const auto engine = records::open_engine("memory://", {}, scheduler_).value();
  ASSERT_TRUE(load(dump_of(volume.engine(), scheduler_.clock()), *engine, scheduler_.clock()));
  EXPECT_EQ(check_volume(scope_, *engine, {})->directories, 500u);
}

TEST_P(Dump, ADirectoryOfManyPagesKeepsItsOrder) {
  testing::TestVolume volume(GetParam());
  for (int i = 0; i < 1500; ++i) volume.make_file(kRootIno, fmt::format("{:04}", i));
  const std::string text = dump_of(volume.engine(), scheduler_.clock());
  std::size_t at = 0;
  for (int i = 0; i < 1500; ++i) ASSERT_NE(at = text.find(fmt::format("\"{:04}\": {{", i), at), std::string::npos) << i;
}

TEST_P(Dump, TheTimeItMayTakeIsKept) {
  testing::TestVolume volume(GetParam());
  const Scope over{Moment{} + std::chrono::hours(1), {}};
  ManualClock late;
  late.advance(std::chrono::hours(2));
  const auto drop = [](std::string_view) -> Result<void> { return {}; };
  EXPECT_EQ(dump_volume(over, volume.engine(), late, {}, drop).code(), Code::kTimedOut);
}

TEST_P(Dump, TheSinksErrorEndsIt) {
  testing::TestVolume volume(GetParam());
  const auto full = [](std::string_view) -> Result<void> { return Code::kNoSpace; };
  EXPECT_EQ(dump_volume(scope_, volume.engine(), scheduler_.clock(), {}, full).code(), Code::kNoSpace);
}

TEST_P(Dump, NothingIsLoadedOverAVolume) {
  testing::TestVolume volume(GetParam());
  const std::string text = dump_of(volume.engine(), scheduler_.clock());
  const Result<LoadSummary> loaded = load(text, volume.engine(), scheduler_.clock());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.code(), Code::kExists);
}

class LoadDump : public ::testing::Test {
 protected:
  /// A dump with this in place of the root's entries.
  static std::string with_entries(const std::string& entries, const std::string& more = {}) {
    return R"({"Setting":{"Name":"test","UUID":"0e5bd5f6-0000-4000-8000-000000000001","Storage":"file","Bucket":"/b/","BlockSize":4096,"TrashDays":0,"DirStats":true},)"
           R"("Counters":{},"Sustained":null,"DelFiles":[])" +
           more + R"(,"FSTree":{"attr":{"inode":1,"type":"directory","mode":511,"nlink":9},"entries":{)" + entries +
           "}}}";
  }
  static std::string entry(const std::string& name, std::uint64_t ino, const std::string& type,
                           const std::string& more = {}) {
    return fmt::format(R"("{}":{{"attr":{{"inode":{},"type":"{}","mode":420,"length":7}}{}}})", name, ino, type, more);
  }
  Result<LoadSummary> load(const std::string& text) {
    engine_ = records::open_engine("memory://", {}, scheduler_).value();
    std::istringstream in(text);
    return load_dump(Scope{}, *engine_, scheduler_.clock(), in);
  }
  void expect_refused(const std::string& text, const std::string& words, Code code = Code::kDamaged) {
    const Result<LoadSummary> loaded = load(text);
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.code(), code);
    EXPECT_NE(loaded.error().text().find(words), std::string::npos) << loaded.error().text();
    EXPECT_EQ(loaded.error().text().find('\n'), std::string::npos);
    EXPECT_EQ(load_format(Scope{}, *engine_).code(), Code::kNotFound) << "half a volume must not look like one";
  }
  template <class K>
  std::optional<typename K::Record> stored(const K& key) {
    return engine_->read(Scope{}, {}, [&](records::RecordTxn& txn) { return records::get(txn, key); }).value();
  }

  SystemScheduler scheduler_;
  std::unique_ptr<records::RecordEngine> engine_;
};

TEST_F(LoadDump, CountsAreCountedAndNotBelieved) {
  const std::string slice =
      R"(,"chunks":[{"index":0,"slices":[{"id":5,"size":7,"len":7},{"chunkid":5,"size":7,"len":7},{"id":0,"len":3}]}])";
  ASSERT_TRUE(load(with_entries(
      entry("a", 20, "regular", slice) + "," + entry("b", 20, "regular", slice) + "," +
      entry("d", 30, "directory", R"(,"entries":{)" + entry("s", 31, "symlink", R"(,"symlink":"%2F%41")") + "}"))));
  const std::optional<Attr> file = stored(records::InodeKey{Ino{20}});
  ASSERT_TRUE(file);
  EXPECT_EQ(file->nlink, 2u);
  EXPECT_EQ(file->parent, Ino{0});
  EXPECT_EQ(stored(records::InodeKey{kRootIno})->nlink, 3u);
  EXPECT_EQ(stored(records::SliceRefKey{SliceId{5}, 7}), 2);
  EXPECT_EQ(stored(records::SymlinkKey{Ino{31}}), records::SymlinkRecord{"/A"});
  EXPECT_EQ(stored(records::InodeKey{Ino{31}})->length, 2u);
  EXPECT_EQ(stored(records::CounterKey{"nextInode"}), 32);
  EXPECT_EQ(stored(records::CounterKey{"totalInodes"}), 3);
  EXPECT_EQ(check_volume(Scope{}, *engine_, {})->findings_total, 0u);
}

TEST_F(LoadDump, AnInodeInSeveralPlacesIsWhatItWasInTheFirst) {
  ASSERT_TRUE(
      load(with_entries(R"("a":{"attr":{"inode":20,"type":"regular","length":9000}},)" + entry("b", 20, "regular"))));
  EXPECT_EQ(stored(records::InodeKey{Ino{20}})->length, 9000u);
  EXPECT_EQ(stored(records::DirStatsKey{kRootIno})->length, 18'000);
  EXPECT_EQ(check_volume(Scope{}, *engine_, {})->findings_total, 0u);
  expect_refused(with_entries(entry("a", 20, "regular") + "," + entry("b", 20, "fifo")), "two different things");
}

TEST_F(LoadDump, LimitsOfDirectoriesGetWhatTheirTreesUse) {
  ASSERT_TRUE(load(with_entries(
      entry("q", 30, "directory",
            R"(,"entries":{)" + entry("d", 31, "directory", R"(,"entries":{)" + entry("f", 32, "regular") + "}") + "}"),
      R"(,"Quotas":{"30":{"maxSpace":1073741824,"maxInodes":-1}})")));
  EXPECT_EQ(stored(records::DirQuotaKey{Ino{30}}), (records::DirQuotaRecord{1 << 30, -1, 8192, 2}));
}

TEST_F(LoadDump, WhatIsNoDumpIsRefusedWithItsPlace) {
  expect_refused("", "byte");
  expect_refused(with_entries("", R"(,"DelFiles":[{"inode":0,"length":5,"expire":1}])"), "no file has");
  expect_refused(with_entries("", R"(,"Quotas":{"0":{"maxSpace":1,"maxInodes":1}})"), "quota");
  expect_refused(with_entries(entry("a", 0, "regular")), "no file has");
  expect_refused("[]", "list");
  expect_refused("{}", "FSTree");
  expect_refused("{\"FSTree\":{\"attr\":{\"inode\":1,\"type\":\"directory\"}}}", "Setting");
  const std::string good = with_entries(entry("a", 2, "regular"));
  expect_refused(good.substr(0, good.size() - 1), "byte");
  expect_refused(with_entries(entry("a", 1, "regular")), "entry \"a\"");
  expect_refused(with_entries(entry("..", 2, "regular")), "no such name");
  expect_refused(with_entries(entry("a%2Fb", 2, "regular")), "no such name");
  expect_refused(with_entries(entry("a", 2, "door")), "door");
  expect_refused(with_entries(entry("a", 2, "directory") + "," + entry("b", 2, "directory")), "two places");
  expect_refused(
      with_entries(entry("b", 2, "regular") + "," + entry("a", 3, "regular") + "," + entry("b", 4, "regular")),
      "name twice");
  expect_refused(
      with_entries(
          entry("a", 2, "regular", R"(,"chunks":[{"index":1,"slices":[{"len":1}]},{"index":1,"slices":[{"len":1}]}])")),
      "there twice");
  expect_refused(with_entries(entry("a", 2, "directory", R"(,"chunks":[{"index":1,"slices":[{"len":1}]}])")), "chunks");
  expect_refused(with_entries(entry("a", 2, "symlink")), "target");
  expect_refused(with_entries(entry("a", 2, "regular", R"(,"entries":{})")), "no directory");
  expect_refused(
      with_entries(entry("a", 2, "regular", R"(,"chunks":[{"index":0,"slices":[{"id":1,"size":2,"len":7}]}])")),
      "chunk 0");
  expect_refused(with_entries(entry("a", 2, "regular", R"(,"chunks":[{"index":-1}])")), "index");
  expect_refused(with_entries(R"("a":{"attr":{"type":"regular"}})"), "inode");
  expect_refused(with_entries(R"("a":{"entries":{},"attr":{"inode":2,"type":"directory"}})"), "before its entries");
  expect_refused(with_entries("", R"(,"UserQuotas":{"5":{"maxSpace":1,"maxInodes":1}})"), "users or groups",
                 Code::kNotSupported);
}

}  // namespace
}  // namespace headrace::meta
