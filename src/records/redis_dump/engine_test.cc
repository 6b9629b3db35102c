// SPDX-License-Identifier: Apache-2.0
// Every kind of key is read as what it means, nothing can be written, and what is no dump is refused in one line.
#include "records/redis_dump/engine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "records/codec.h"
#include "records/testing/hex.h"
#include "records/testing/samples.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

std::string key(std::string_view name, std::string_view type, std::string_view value) {
  return fmt::format(R"("{}":{{"type":"{}","value":{}}})", name, type, value);
}
std::string text(std::string_view name, std::string_view bytes) {
  return key(name, "string", fmt::format(R"("{}")", to_hex(bytes)));
}
std::string hash(std::string_view name, std::string_view field, std::string_view bytes) {
  return key(name, "hash", fmt::format(R"({{"{}":"{}"}})", to_hex(field), to_hex(bytes)));
}
std::string zset(std::string_view name, std::string_view member, std::string_view score) {
  return key(name, "zset", fmt::format(R"({{"{}":"{}"}})", to_hex(member), score));
}
const std::string kSetting = text("setting", "{}");

class RedisDump : public testing::Test {
 protected:
  Result<std::unique_ptr<RecordEngine>> open(const std::string& json, const OpenOptions& options = {}) {
    std::ofstream(folder_.file("keys.json"), std::ios::binary) << json;
    return open_engine("redis-dump://" + folder_.file("keys.json"), options, scheduler_);
  }
  std::unique_ptr<RecordEngine> with(const std::string& keys) {
    return open("{" + kSetting + "," + keys + "}").value();
  }
  template <class K>
  static std::optional<typename K::Record> stored(RecordEngine& engine, const K& name) {
    return engine.read(Scope{}, {}, [&](RecordTxn& txn) { return get(txn, name); }).value();
  }
  void expect_refused(const std::string& json, Code code, const std::string& words) {
    const auto engine = open(json);
    ASSERT_FALSE(engine) << json;
    EXPECT_EQ(engine.code(), code);
    EXPECT_NE(engine.error().text().find(words), std::string::npos) << engine.error().text();
    EXPECT_EQ(engine.error().text().find('\n'), std::string::npos);
  }

  SystemScheduler scheduler_;
  TempFolder folder_;
};

TEST_F(RedisDump, NamesAndInodesAreRead) {
  const auto engine = with(
      text("i1", from_hex("0021ff0000000000000000000000006553f10000000000000000006553f10000000000000000006553f100000000"
                          "000000000200000000"
                          "0000100000000000000000000000000100")) +
      "," + hash("d1", "f", from_hex("010000000000000002")) + "," + text("s3", "target") + "," +
      hash("x2", "user.a", "v") + "," +
      key("p2", "hash", fmt::format(R"({{"{}":"{}","{}":"{}"}})", to_hex("1"), to_hex("2"), to_hex("9"), to_hex("0"))));
  const std::optional<Attr> root = stored(*engine, InodeKey{kRootIno});
  ASSERT_TRUE(root);
  EXPECT_EQ(root->type, FileType::kDirectory);
  EXPECT_EQ(root->mode, 0777);
  EXPECT_EQ(root->mtime, (Timestamp{1700000000, 0}));
  EXPECT_EQ(stored(*engine, EntryKey{kRootIno, "f"}), (EntryRecord{Ino{2}, FileType::kRegular}));
  EXPECT_EQ(stored(*engine, SymlinkKey{Ino{3}}), SymlinkRecord{"target"});
  EXPECT_EQ(stored(*engine, XattrKey{Ino{2}, "user.a"}), XattrRecord{"v"});
  EXPECT_EQ(stored(*engine, ParentLinkKey{Ino{2}, kRootIno}), 2);
  EXPECT_EQ(stored(*engine, ParentLinkKey{Ino{2}, Ino{9}}), std::nullopt)
      << "a count of nothing is what a link left behind";
  const auto links = engine->read(Scope{}, {}, [](RecordTxn& txn) { return txn.scan(LinksTo{Ino{2}}, 10); }).value();
  ASSERT_EQ(links.size(), 1u);
}

TEST_F(RedisDump, ChunkListsAndReferencesAreRead) {
  const std::string first = "000000000000000000000001000000050000000000000005",
                    second = "0000000a0000000000000000000000000000000000000003";
  const auto engine = with(key("c7_3", "list", fmt::format(R"(["{}","{}"])", first, second)) + "," +
                           key("sliceRef", "hash",
                               fmt::format(R"({{"{}":"{}","{}":"{}","{}":"{}"}})", to_hex("k1_5"), to_hex("1"),
                                           to_hex("k2_9"), to_hex("-1"), to_hex("k0_3"), to_hex("4"))) +
                           "," + hash("delSlices", "12_1700000000", from_hex("000000000000000700001000")));
  EXPECT_EQ(stored(*engine, SlicesKey{Ino{7}, ChunkIndex{3}}),
            (SliceList{{0, SliceId{1}, 5, 0, 5}, {10, SliceId{0}, 0, 0, 3}}));
  EXPECT_EQ(stored(*engine, SliceRefKey{SliceId{1}, 5}), 2);
  EXPECT_EQ(stored(*engine, SliceRefKey{SliceId{2}, 9}), 0);
  EXPECT_EQ(stored(*engine, SliceRefKey{SliceId{99}, 1}), 1) << "Redis keeps no field for one reference";
  EXPECT_EQ(stored(*engine, DelayedSlicesKey{SliceId{12}}), (DelayedSlicesRecord{1700000000, {{SliceId{7}, 4096}}}));
  const auto pending =
      engine->read(Scope{}, {}, [](RecordTxn& txn) { return txn.scan(WholeVolume{Whole::kPendingSliceRefs, 0}, 10); })
          .value();
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_EQ(std::get<SliceRefKey>(pending[0].key).id, SliceId{2});
}

TEST_F(RedisDump, SessionsAndLocksAreRead) {
  const auto engine =
      with(zset("allSessions", "3", "1.7e9") + "," + hash("sessionInfos", "3", "{}") + "," +
           key("session3", "set", fmt::format(R"(["{}"])", to_hex("18"))) + "," +
           hash("lockf15", "3_00000000DEADBEEF", "W") + "," +
           hash("lockp17", "3_00000000000000AA", from_hex("00000001000010e100000000000000007fffffffffffffff")) + "," +
           zset("delfiles", "20:4096", "1700000000") + "," + zset("detachedNodes", "21", "5"));
  EXPECT_EQ(stored(*engine, SessionKey{SessionId{3}}), (SessionRecord{1700000000, "{}"}));
  EXPECT_TRUE(stored(*engine, SustainedKey{SessionId{3}, Ino{18}}));
  EXPECT_EQ(stored(*engine, FlockKey{Ino{15}, SessionId{3}, LockOwner{0xDEADBEEF}}), FlockRecord{true});
  EXPECT_EQ(stored(*engine, PosixLockKey{Ino{17}, SessionId{3}, LockOwner{0xAA}}),
            (std::vector<LockRange>{{1, 4321, 0, 0x7FFFFFFFFFFFFFFF}}));
  EXPECT_EQ(stored(*engine, DeletedFileKey{Ino{20}}), (DeletedFileRecord{4096, 1700000000}));
  EXPECT_EQ(stored(*engine, DetachedKey{Ino{21}}), 5);
}

TEST_F(RedisDump, CountersAndStatisticsAreReadInThePlainMeaning) {
  const auto engine = with(
      text("nextinode", "1024") + "," + text("nextchunk", "4096") + "," + text("nextsession", "2") + "," +
      text("usedSpace", "-4096") + "," + hash("dirDataLength", "1", "5") + "," + hash("dirUsedSpace", "1", "4096") +
      "," + hash("dirUsedInodes", "1", "1") + "," +
      hash("dirQuota", "4", from_hex("0000000040000000ffffffffffffffff")) + "," + hash("dirQuotaUsedInodes", "4", "3") +
      "," + hash("acl", "3", from_hex("000600040006000400000001000003e9000600000000")) + "," +
      text("krbTokenMaxId", "not ours") + "," + text("{0}nextTrash", "7"));
  EXPECT_EQ(stored(*engine, CounterKey{"nextInode"}), 1025) << "the next free one";
  EXPECT_EQ(stored(*engine, CounterKey{"nextChunk"}), 4097);
  EXPECT_EQ(stored(*engine, CounterKey{"nextSession"}), 2);
  EXPECT_EQ(stored(*engine, CounterKey{"usedSpace"}), -4096);
  EXPECT_EQ(stored(*engine, CounterKey{"nextTrash"}), 7) << "a cluster's keys have a prefix";
  EXPECT_EQ(stored(*engine, DirStatsKey{kRootIno}), (DirStatsRecord{5, 4096, 1}));
  EXPECT_EQ(stored(*engine, DirQuotaKey{Ino{4}}), (DirQuotaRecord{1 << 30, -1, 0, 3}));
  EXPECT_EQ(stored(*engine, AclKey{3}), (AclRecord{6, 4, 6, 4, {{1001, 6}}, {}}));
}

TEST_F(RedisDump, NothingCanBeWritten) {
  const auto engine = with(text("usedSpace", "1"));
  EXPECT_TRUE(engine->traits().is_read_only);
  bool has_run = false;
  const Result<void> changed = engine->run(Scope{}, Commit::kVisible, {}, [&](RecordTxn&) -> Result<void> {
    has_run = true;
    return {};
  });
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.code(), Code::kReadOnly);
  EXPECT_FALSE(has_run);
  EXPECT_EQ(engine->reserve(Scope{}, IdKind::kInode, 1).code(), Code::kReadOnly);
  EXPECT_EQ(open("{" + kSetting + "}", {.create = true}).code(), Code::kReadOnly);
}

TEST_F(RedisDump, AClosedOneAnswersNothing) {
  const auto engine = with(text("usedSpace", "1"));
  ASSERT_TRUE(engine->close());
  EXPECT_EQ(engine->read(Scope{}, {}, [](RecordTxn& txn) { return get(txn, SettingKey{}); }).code(), Code::kBadHandle);
}

TEST_F(RedisDump, WhatIsNoDumpIsRefusedInOneLine) {
  expect_refused("", Code::kDamaged, "not a JSON object");
  expect_refused("{\"setting\":", Code::kDamaged, "not a JSON object");
  expect_refused("[]", Code::kDamaged, "not a JSON object");
  expect_refused("{}", Code::kDamaged, "no key \"setting\"");
  expect_refused("{\"setting\":5}", Code::kDamaged, "key \"setting\"");
  expect_refused("{" + kSetting + "," + key("i2", "string", "\"00\"") + "}", Code::kDamaged, "key \"i2\"");
  expect_refused("{" + kSetting + "," + key("i2", "string", "\"0x\"") + "}", Code::kDamaged, "hex");
  expect_refused("{" + kSetting + "," + key("d2", "list", "[]") + "}", Code::kDamaged, "no hash");
  expect_refused("{" + kSetting + "," + hash("d2", "name", "short") + "}", Code::kDamaged, "directory entry");
  expect_refused("{" + kSetting + "," + key("c2", "list", "[]") + "}", Code::kDamaged, "key \"c2\"");
  expect_refused("{" + kSetting + "," + key("c2_1", "list", "[7]") + "}", Code::kDamaged, "no text");
  expect_refused("{" + kSetting + "," + zset("delfiles", "2:3", "soon") + "}", Code::kDamaged, "no number");
  expect_refused("{" + kSetting + "," + hash("lockf2", "3-4", "R") + "}", Code::kDamaged, "key \"lockf2\"");
}

TEST_F(RedisDump, UrlsThatNameNoFileAreRefused) {
  EXPECT_EQ(open_engine("redis-dump://", {}, scheduler_).code(), Code::kInvalid);
  EXPECT_EQ(open_engine("redis-dump://" + folder_.file("keys.json") + "?a=b", {}, scheduler_).code(), Code::kInvalid);
  EXPECT_EQ(open_engine("redis-dump://" + folder_.file("missing.json"), {}, scheduler_).code(), Code::kNotFound);
  EXPECT_EQ(open_engine("redis-dump://" + folder_.path(), {}, scheduler_).code(), Code::kInvalid);
}

}  // namespace
}  // namespace headrace::records
