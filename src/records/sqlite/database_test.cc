// SPDX-License-Identifier: Apache-2.0
// Databases: made as JuiceFS makes them, completed, or refused.
#include "records/sqlite/database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "records/sqlite/schema.h"
#include "records/testing/raw_sqlite.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

const std::string kSchemaQuery =
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid";

std::vector<std::string> schema_of_juicefs() {
  std::vector<std::string> statements;
  std::istringstream lines(testdata("schema.sql"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("--")) statements.push_back(line.substr(0, line.rfind(';')));
  }
  return statements;
}

std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class DatabaseTest : public testing::Test {
 protected:
  Result<void> open(const OpenOptions& options, const std::string& suffix = "") {
    TRY(auto engine, open_engine("sqlite3://" + path_ + suffix, options, scheduler_));
    TRY_OK(engine->read(Scope{}, {}, [](RecordTxn& txn) -> Result<void> {
      TRY_OK(get(txn, InodeKey{kRootIno}));
      TRY_OK(get(txn, AclKey{1}));
      TRY_OK(txn.scan(WholeVolume{Whole::kDirStats, 0}, 10));
      return {};
    }));
    return engine->close();
  }
  Result<void> make(const std::string& suffix = "") { return open(OpenOptions{true, false, nullptr}, suffix); }
  Result<void> open_to_write() { return open(OpenOptions{}); }
  Result<void> open_to_read() { return open(OpenOptions{false, true, nullptr}); }

  SystemScheduler scheduler_;
  TempFolder folder_;
  const std::string path_ = folder_.file("volume.db");
};

TEST_F(DatabaseTest, ANewOneHasExactlyTheTablesThatJuiceFsMakes) {
  ASSERT_TRUE(make());
  EXPECT_EQ(RawSqlite(path_).run(kSchemaQuery), schema_of_juicefs());
}

TEST_F(DatabaseTest, ANewOneIsInLogModeAndLeavesOneFile) {
  ASSERT_TRUE(make());
  const std::string header = file_bytes(path_).substr(0, 100);
  EXPECT_EQ(header[18], 2);
  EXPECT_EQ(header[19], 2);
  EXPECT_EQ(header.substr(16, 2), std::string("\x10\x00", 2));  // pages of 4096
  EXPECT_EQ(header.substr(60, 4), std::string(4, '\0'));        // user_version
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(DatabaseTest, APrefixNamesTheTablesOfOneOfSeveralVolumes) {
  ASSERT_TRUE(make());
  ASSERT_TRUE(make("?table_prefix=two"));
  const std::vector<std::string> names =
      RawSqlite(path_).run("SELECT name FROM sqlite_schema WHERE name LIKE '%edge%' AND sql IS NOT NULL ORDER BY 1");
  EXPECT_EQ(names, (std::vector<std::string>{"IDX_jfs_edge_inode", "IDX_jfs_two_edge_inode", "UQE_jfs_edge_edge",
                                             "UQE_jfs_two_edge_edge", "jfs_edge", "jfs_two_edge"}));
}

TEST_F(DatabaseTest, OneThatIsNotThereIsMadeOnlyWhenAsked) {
  EXPECT_EQ(open_to_write().code(), Code::kNotFound);
  EXPECT_EQ(open_to_read().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(open(OpenOptions{true, true, nullptr}).code(), Code::kNotFound);  // read-only makes nothing
}

TEST_F(DatabaseTest, WhatIsNoDatabaseIsRefusedInWords) {
  std::ofstream(path_) << std::string(8192, 'x');
  for (const auto& refused : {make(), open_to_write(), open_to_read()}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.code(), Code::kVersion);
    EXPECT_NE(refused.error().message.find(path_ + " is not a JuiceFS database"), std::string::npos)
        << refused.error().message;
  }
  EXPECT_EQ(file_bytes(path_), std::string(8192, 'x'));
}

TEST_F(DatabaseTest, TheDatabaseOfSomethingElseIsRefusedAndUntouched) {
  RawSqlite(path_).run("CREATE TABLE songs (title TEXT)");
  const std::string before = file_bytes(path_);
  EXPECT_EQ(make().code(), Code::kVersion);
  EXPECT_EQ(open_to_write().code(), Code::kVersion);
  EXPECT_EQ(open_to_read().code(), Code::kVersion);
  EXPECT_NE(make().error().message.find("songs"), std::string::npos);
  EXPECT_EQ(file_bytes(path_), before);
}

TEST_F(DatabaseTest, AnEmptyFileIsNoVolumeUntilOneIsMade) {
  std::ofstream(path_).close();
  EXPECT_EQ(open_to_write().code(), Code::kVersion);
  EXPECT_TRUE(make());
  EXPECT_TRUE(open_to_write());
}

TEST_F(DatabaseTest, AnotherPrefixIsPointedOut) {
  ASSERT_TRUE(make("?table_prefix=two"));
  const Result<void> refused = open_to_write();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("jfs_two_setting"), std::string::npos) << refused.error().message;
}

TEST_F(DatabaseTest, AFolderIsRefused) {
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(make());
  EXPECT_FALSE(open_to_read());
}

/// As an older client left it: without ACLs, tiers, statistics.
void make_old_volume(const std::string& path) {
  RawSqlite db(path);
  for (std::string statement : schema_of_juicefs()) {
    if (statement.find("`jfs_acl`") != std::string::npos || statement.find("`jfs_dir_stats`") != std::string::npos)
      continue;
    const std::size_t acl = statement.find(", `access_acl_id`");
    if (acl != std::string::npos) statement = statement.substr(0, acl) + ")";
    db.run(statement);
  }
  db.run(
      "INSERT INTO jfs_node VALUES "
      "(1,2,0,511,0,0,1700000000000000,1700000000000000,1700000000000000,1,2,3,2,4096,0,1)");
}

TEST_F(DatabaseTest, AnOlderVolumeIsReadWithoutTouchingIt) {
  make_old_volume(path_);
  const std::vector<std::string> before = RawSqlite(path_).run(kSchemaQuery);
  EXPECT_TRUE(open_to_read());
  auto engine = open_engine("sqlite3://" + path_, OpenOptions{false, true, nullptr}, scheduler_).value();
  const auto root = engine->read(Scope{}, {}, [](RecordTxn& txn) { return get(txn, InodeKey{kRootIno}); });
  ASSERT_TRUE(root && *root);
  EXPECT_EQ((*root)->mtime, (Timestamp{1700000000, 2}));
  EXPECT_EQ((*root)->tier, 0);
  const auto stats = engine->read(Scope{}, {}, [](RecordTxn& txn) { return get(txn, DirStatsKey{kRootIno}); });
  ASSERT_TRUE(stats);
  EXPECT_EQ(*stats, std::nullopt);
  engine.reset();
  EXPECT_EQ(RawSqlite(path_).run(kSchemaQuery), before);
}

TEST_F(DatabaseTest, AnOlderVolumeIsCompletedWhenItIsOpenedToWrite) {
  make_old_volume(path_);
  ASSERT_TRUE(open_to_write());
  std::vector<std::string> now = RawSqlite(path_).run(kSchemaQuery), wanted = schema_of_juicefs();
  std::sort(now.begin(), now.end());
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(now, wanted);
  EXPECT_EQ(RawSqlite(path_).run("SELECT inode FROM jfs_node"), std::vector<std::string>{"1"});
}

TEST_F(DatabaseTest, AColumnThatNobodyCanGuessIsRefusedWhenReading) {
  make_old_volume(path_);
  RawSqlite(path_).run("ALTER TABLE jfs_node DROP COLUMN nlink");
  const Result<void> refused = open_to_read();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.code(), Code::kVersion);
  EXPECT_NE(refused.error().message.find("nlink"), std::string::npos);
}

TEST_F(DatabaseTest, OneOnAReadOnlyPlaceIsReadAndNotWritten) {
  ASSERT_TRUE(make());
  if (::getuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ::chmod(path_.c_str(), 0444);
  ::chmod(folder_.path().c_str(), 0555);
  EXPECT_EQ(open_to_write().code(), Code::kReadOnly);
  ::chmod(folder_.path().c_str(), 0755);
  EXPECT_TRUE(open_to_read());
}

TEST_F(DatabaseTest, AVolumeThatANewerClientExtendedKeepsItsColumns) {
  ASSERT_TRUE(make());
  RawSqlite(path_).run(
      "ALTER TABLE jfs_node ADD `newer` INTEGER NULL; INSERT INTO jfs_node VALUES "
      "(1,2,0,511,0,0,0,0,0,0,0,0,2,4096,0,1,0,0,0,77)");
  auto engine = open_engine("sqlite3://" + path_, OpenOptions{}, scheduler_).value();
  ASSERT_TRUE(engine->run(Scope{}, Commit::kVisible, {}, [](RecordTxn& txn) -> Result<void> {
    put(txn, InodeKey{kRootIno}, Attr{});
    return {};
  }));
  engine.reset();
  EXPECT_EQ(RawSqlite(path_).run("SELECT newer, type FROM jfs_node"), std::vector<std::string>{"77|1"});
}

TEST(SqliteLocation, IsAPathAndAtMostAPrefix) {
  EXPECT_EQ(parse_sqlite_location("/a/b.db").value().path, "/a/b.db");
  EXPECT_EQ(parse_sqlite_location("b.db").value().path, std::filesystem::absolute("b.db").string());
  EXPECT_EQ(parse_sqlite_location("file:x.db").value().path, std::filesystem::absolute("file:x.db").string());
  EXPECT_EQ(parse_sqlite_location("/a?table_prefix=x_1").value().table_prefix, "jfs_x_1_");
  for (const char* bad :
       {"", "?table_prefix=x", "/a?table_prefix=", "/a?table_prefix=x`", "/a?_timeout=5", "/a?table_prefix"}) {
    const auto refused = parse_sqlite_location(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.code(), Code::kInvalid) << bad;
    EXPECT_NE(refused.error().message.find("sqlite3://"), std::string::npos) << bad;
  }
}

TEST(SqliteLocation, AFileSystemWithoutSharedMemoryAndLocksIsRefused) {
  EXPECT_EQ(name_of_unfit_file_system(0x65735546), "FUSE");
  EXPECT_EQ(name_of_unfit_file_system(0x6969), "NFS");
  EXPECT_EQ(name_of_unfit_file_system(static_cast<long>(static_cast<int>(0xFF534D42))), "SMB");
  for (const long fine : {0xEF53L, 0x58465342L, 0x01021994L, 0x9123683EL, 0x794C7630L})
    EXPECT_EQ(name_of_unfit_file_system(fine), "") << fine;
}

}  // namespace
}  // namespace headrace::records
