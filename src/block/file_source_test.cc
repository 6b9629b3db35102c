// SPDX-License-Identifier: Apache-2.0
#include "block/file_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "object/testing/temporary_directory.h"

namespace headrace::block {
namespace {

void expect_works(const FileSource& source) {
  const auto file = source.new_file(10'000);
  ASSERT_TRUE(file) << file.error().text();
  struct stat status{};
  ASSERT_EQ(::fstat(file->get(), &status), 0);
  EXPECT_EQ(status.st_size, 10'000);
  EXPECT_EQ(status.st_blocks, 0) << "nothing is allocated yet";
  EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_TRUE(pwrite_all(file->get(), bytes_of("hello"), 5000));
  std::string back(5, '\0');
  ASSERT_TRUE(pread_full(file->get(), std::as_writable_bytes(std::span(back)), 5000));
  EXPECT_EQ(back, "hello");
}

bool is_attached_anywhere(int fd) {
  struct stat status{};
  EXPECT_EQ(::fstat(fd, &status), 0);
  const std::string device = std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" " + device + " ") != std::string::npos) return true;
  }
  return false;
}

TEST(FileSource, ATmpfsOfOurOwnIsNowhereInTheTree) {
  const FileSource source = FileSource::open(64u << 20, "");
  if (!source.place().starts_with("tmpfs")) GTEST_SKIP() << "may not make one: " << source.shortcoming();
  expect_works(source);
  const UniqueFd file = source.new_file(1).value();
  EXPECT_FALSE(is_attached_anywhere(file.get()));
  const UniqueFd self(::open("/dev/shm", O_RDONLY | O_DIRECTORY));
  EXPECT_TRUE(is_attached_anywhere(self.get())) << "this test sees mounts";
}

TEST(FileSource, ATmpfsHasItsLimit) {
  const FileSource source = FileSource::open(8u << 20, "");
  if (!source.place().starts_with("tmpfs")) GTEST_SKIP() << "may not make one: " << source.shortcoming();
  const UniqueFd file = source.new_file(1u << 30).value();
  const std::string mebibyte(1u << 20, 'x');
  Result<void> written;
  std::uint64_t done = 0;
  while (written && done < (1u << 30)) written = pwrite_all(file.get(), bytes_of(mebibyte), done += mebibyte.size());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.code(), Code::kNoSpace);
  EXPECT_LE(done, 80u << 20);
}

TEST(FileSource, WithoutPrivilegeTheNamedDirectoryIsUsed) {
  object::TemporaryDirectory directory;
  const FileSource source = FileSource::open(8u << 20, directory.path(), false);
  EXPECT_EQ(source.place(), "directory " + directory.path());
  expect_works(source);
  const UniqueFd file = source.new_file(1).value();
  EXPECT_TRUE(std::filesystem::is_empty(directory.path())) << "files have no names";
}

TEST(FileSource, WithoutADirectoryThereAreMemfds) {
  const FileSource source = FileSource::open(8u << 20, "", false);
  EXPECT_EQ(source.place(), "memfd");
  expect_works(source);
}

TEST(FileSource, ADirectoryThatCannotBeUsedIsNamedInTheReason) {
  const FileSource source = FileSource::open(8u << 20, "/nowhere/at/all", false);
  EXPECT_EQ(source.place(), "memfd");
  EXPECT_NE(source.shortcoming().find("/nowhere/at/all"), std::string::npos);
  expect_works(source);
}

}  // namespace
}  // namespace headrace::block
