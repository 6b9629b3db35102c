// SPDX-License-Identifier: Apache-2.0
// What other clients, and damage, leave in the columns.
#include "records/sqlite/rows.h"

#include <gtest/gtest.h>

#include "records/sqlite/engine.h"
#include "records/testing/raw_sqlite.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

class RowsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(engine_); }
  Result<std::optional<Record>> stored(const Key& key) {
    return engine_->read(Scope{}, {}, [&](RecordTxn& txn) { return txn.get(key); });
  }
  Result<std::vector<Item>> listed(const Range& range) {
    return engine_->read(Scope{}, {}, [&](RecordTxn& txn) { return txn.scan(range, 100); });
  }
  void expect_damaged(const Key& key, const std::string& sql) {
    raw_.run(sql);
    const auto found = stored(key);
    ASSERT_FALSE(found) << sql;
    EXPECT_EQ(found.code(), Code::kDamaged) << sql;
    EXPECT_EQ(found.error().message.find(describe(key)), 0u) << found.error().message;
  }

  SystemScheduler scheduler_;
  TempFolder folder_;
  const std::string path_ = folder_.file("volume.db");
  std::unique_ptr<RecordEngine> engine_ =
      open_engine("sqlite3://" + path_, OpenOptions{true, false, nullptr}, scheduler_).value();
  RawSqlite raw_{path_};
};

TEST_F(RowsTest, ARowThatIsNoSuchRecordIsDamageWithItsName) {
  expect_damaged(InodeKey{Ino{5}}, "INSERT INTO jfs_node VALUES (5,9,0,0,0,0,0,0,0,0,0,0,1,0,0,1,0,0,0)");
  expect_damaged(EntryKey{Ino{1}, "x"}, "INSERT INTO jfs_edge (parent,name,inode,type) VALUES (1,x'78',5,0)");
  expect_damaged(SlicesKey{Ino{5}, ChunkIndex{0}},
                 "INSERT INTO jfs_chunk (inode,indx,slices) VALUES (5,0,zeroblob(25))");
  expect_damaged(DelayedSlicesKey{SliceId{5}}, "INSERT INTO jfs_delslices VALUES (5,1,zeroblob(13))");
  expect_damaged(FlockKey{Ino{5}, SessionId{1}, LockOwner{1}},
                 "INSERT INTO jfs_flock (inode,sid,owner,ltype) VALUES (5,1,1,88)");
  expect_damaged(PosixLockKey{Ino{5}, SessionId{1}, LockOwner{1}},
                 "INSERT INTO jfs_plock (inode,sid,owner,records) VALUES (5,1,1,zeroblob(23))");
  expect_damaged(AclKey{1}, "INSERT INTO jfs_acl VALUES (1,7,7,7,7,zeroblob(5),NULL)");
  expect_damaged(SliceRefKey{SliceId{5}, 10}, "INSERT INTO jfs_chunk_ref VALUES (5,11,1)");
}

TEST_F(RowsTest, AListingEndsAtDamage) {
  raw_.run("INSERT INTO jfs_chunk (inode,indx,slices) VALUES (5,0,zeroblob(24)),(5,1,zeroblob(25))");
  const auto seen = listed(SlicesOf{Ino{5}, ChunkIndex{0}, ChunkIndex{9}});
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.code(), Code::kDamaged);
}

TEST_F(RowsTest, ADirectoryIsListedThoughOneOfItsInodesIsDamaged) {
  raw_.run(
      "INSERT INTO jfs_edge (parent,name,inode,type) VALUES (1,x'61',5,1),(1,x'62',6,1),(1,x'63',7,1);"
      "INSERT INTO jfs_node VALUES (5,9,0,0,0,0,0,0,0,0,0,0,1,0,0,1,0,0,0),(7,1,0,0,0,0,0,0,0,0,0,0,1,0,0,1,0,0,0)");
  const auto seen = listed(EntriesOf{Ino{1}, {}, true});
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->size(), 4u);
  EXPECT_TRUE((*seen)[3].key == Key(InodeKey{Ino{7}}));
}

TEST_F(RowsTest, ListsThatGrewByConcatenationAreReadWhateverTheirClass) {
  raw_.run(
      "INSERT INTO jfs_chunk (inode,indx,slices) VALUES (5,0,zeroblob(24)); UPDATE jfs_chunk SET slices = slices || "
      "zeroblob(24)");
  EXPECT_EQ(raw_.run("SELECT typeof(slices) FROM jfs_chunk"), std::vector<std::string>{"text"});
  const auto list = stored(SlicesKey{Ino{5}, ChunkIndex{0}});
  ASSERT_TRUE(list && *list);
  EXPECT_EQ(std::get<SliceList>(**list).size(), 2u);
  ASSERT_TRUE(engine_->run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
    const Slice slice{0, SliceId{0}, 0, 0, 7};
    txn.append(SlicesKey{Ino{5}, ChunkIndex{0}}, std::span(&slice, 1));
    return {};
  }));
  EXPECT_EQ(raw_.run("SELECT typeof(slices), length(slices) FROM jfs_chunk"), std::vector<std::string>{"blob|72"});
}

TEST_F(RowsTest, NullsOfOlderClientsAreNothing) {
  raw_.run(
      "INSERT INTO jfs_node (inode,type,flags,mode,uid,gid,atime,mtime,ctime,nlink,length) VALUES "
      "(5,1,0,420,0,0,0,0,0,1,0);"
      "INSERT INTO jfs_session2 VALUES (3,4,NULL); INSERT INTO jfs_acl VALUES (1,7,NULL,7,7,NULL,NULL)");
  const auto node = stored(InodeKey{Ino{5}});
  ASSERT_TRUE(node && *node);
  EXPECT_EQ(std::get<Attr>(**node).parent, Ino{0});
  EXPECT_EQ(stored(SessionKey{SessionId{3}}).value(), Record(SessionRecord{4, ""}));
  EXPECT_TRUE(stored(AclKey{1}).value().has_value());
}

TEST_F(RowsTest, NamesAreBlobsAndAttributeNamesText) {
  ASSERT_TRUE(engine_->run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
    put(txn, EntryKey{Ino{1}, "x"}, EntryRecord{Ino{5}, FileType::kRegular});
    put(txn, SymlinkKey{Ino{5}}, SymlinkRecord{"t"});
    put(txn, XattrKey{Ino{5}, "user.x"}, XattrRecord{"v"});
    put(txn, SettingKey{}, SettingRecord{"{}"});
    put(txn, SessionKey{SessionId{1}}, SessionRecord{1, "{}"});
    return {};
  }));
  EXPECT_EQ(raw_.run("SELECT typeof(e.name), typeof(s.target), typeof(x.name), typeof(x.value), typeof(f.value), "
                     "typeof(i.info) FROM jfs_edge e, jfs_symlink s, "
                     "jfs_xattr x, jfs_setting f, jfs_session2 i"),
            std::vector<std::string>{"blob|blob|text|blob|text|blob"});
}

TEST_F(RowsTest, NumbersAreStoredAsTheOriginalDoes) {
  ASSERT_TRUE(engine_->run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
    Attr attr;
    attr.mtime = {1700000000, 123456789};
    put(txn, InodeKey{Ino{5}}, attr);
    put(txn, FlockKey{Ino{5}, SessionId{1}, LockOwner{~0ull}}, FlockRecord{true});
    add(txn, SliceRefKey{SliceId{9}, 4096}, 1);
    return {};
  }));
  EXPECT_EQ(raw_.run("SELECT mtime, mtimensec FROM jfs_node"), std::vector<std::string>{"1700000000123456|789"});
  EXPECT_EQ(raw_.run("SELECT owner, ltype FROM jfs_flock"), std::vector<std::string>{"-1|87"});
  EXPECT_EQ(raw_.run("SELECT chunkid, size, refs FROM jfs_chunk_ref"), std::vector<std::string>{"9|4096|1"});
  EXPECT_EQ(engine_->reserve(Scope{}, IdKind::kInode, 1).value().first, 2u);
  EXPECT_EQ(engine_->reserve(Scope{}, IdKind::kSlice, 1).value().first, 1u);
  EXPECT_EQ(raw_.run("SELECT value FROM jfs_counter ORDER BY name"), (std::vector<std::string>{"4097", "1026"}));
}

}  // namespace
}  // namespace headrace::records
