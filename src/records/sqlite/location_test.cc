// SPDX-License-Identifier: Apache-2.0
// Where a database may be.
#include "records/sqlite/location.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

TEST(Location, AFileSystemOfSeveralMachinesIsRefusedByName) {
  EXPECT_EQ(name_of_unfit_file_system(0x6969), "NFS");
  EXPECT_EQ(name_of_unfit_file_system(0x65735546), "FUSE");
  EXPECT_EQ(name_of_unfit_file_system(static_cast<int>(0xFE534D42)), "SMB")
      << "on machines where the number is negative";
  for (const long fine : {0xEF53L, 0x58465342L, 0x01021994L, 0x9123683EL, 0x794C7630L})
    EXPECT_EQ(name_of_unfit_file_system(fine), "") << fine;
}

TEST(Location, AFolderThatIsThereWillDoAndOneThatIsNotIsSaid) {
  const TempFolder folder;
  EXPECT_TRUE(check_file_system(folder.file("new.db")));
  EXPECT_EQ(check_file_system(folder.file("none/new.db")).code(), Code::kNotFound);
}

TEST(Location, AnIdentityIsTheFilesAndNotThePaths) {
  const TempFolder folder;
  EXPECT_EQ(identity_of(folder.file("a")), FileIdentity{});
  std::ofstream(folder.file("a")) << "a";
  const FileIdentity first = identity_of(folder.file("a"));
  EXPECT_NE(first, FileIdentity{});
  std::filesystem::create_hard_link(folder.file("a"), folder.file("b"));
  EXPECT_EQ(identity_of(folder.file("b")), first);
  std::ofstream(folder.file("c")) << "c";
  std::filesystem::rename(folder.file("c"), folder.file("a"));
  EXPECT_NE(identity_of(folder.file("a")), first);
}

TEST(Location, TheLockFileStandsBesideTheDatabase) {
  EXPECT_EQ(parse_sqlite_location("/a/b.db?table_prefix=x").value().checkpoint_lock_path(),
            "/a/b.db-headrace-checkpoint");
}

}  // namespace
}  // namespace headrace::records
