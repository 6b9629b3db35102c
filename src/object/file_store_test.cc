// SPDX-License-Identifier: Apache-2.0
#include "object/file_store.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>

#include "base/checksum.h"
#include "object/testing/conformance.h"
#include "object/testing/temporary_directory.h"

namespace headrace::object {
namespace {

class FileSubject final : public StoreSubject {
 public:
  FileSubject() = default;
  explicit FileSubject(const std::string& parent) : directory_(parent) {}
  ObjectStore& store() override { return *store_; }
  bool takes_flat_keys() const override { return false; }
  bool damage(const std::string& key) override {
    if (!store_->head(Scope{}, key).value().crc32c) return false;
    std::fstream file(directory_ / key, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file.put('\x7f');
    return file.good();
  }

 private:
  SystemScheduler scheduler_;
  TemporaryDirectory directory_;
  std::unique_ptr<FileStore> store_ = FileStore::open(directory_.path(), scheduler_).value();
};

INSTANTIATE_TEST_SUITE_P(File, StoreConformance,
                         testing::Values(StoreKind{"disk", [] { return std::make_unique<FileSubject>(); }},
                                         StoreKind{"memory", [] { return std::make_unique<FileSubject>("/dev/shm"); }}),
                         kind_name);

class FileStoreTest : public testing::Test {
 protected:
  Result<void> put(const std::string& key, const std::string& bytes) {
    const ByteSpan part = bytes_of(bytes);
    return store_->put(Scope{}, key, std::span(&part, 1));
  }
  Result<std::string> get(const std::string& key) {
    std::string bytes(1 << 20, '\0');
    TRY(const GetResult got, store_->get(Scope{}, key, 0, std::as_writable_bytes(std::span(bytes))));
    bytes.resize(got.bytes);
    return bytes;
  }
  std::size_t count_files() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path()))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

  SystemScheduler scheduler_;
  TemporaryDirectory directory_;
  std::unique_ptr<FileStore> store_ = FileStore::open(directory_.path(), scheduler_).value();
};

TEST_F(FileStoreTest, AnObjectLiesWhereJuiceFSPutsIt) {
  ASSERT_TRUE(put("myjfs/chunks/0/0/1_0_5", "hello"));
  std::string text;
  std::ifstream(directory_ / "myjfs/chunks/0/0/1_0_5") >> text;
  EXPECT_EQ(text, "hello");
  char checksum[16];
  const ssize_t size =
      ::getxattr((directory_ / "myjfs/chunks/0/0/1_0_5").c_str(), kChecksumAttribute, checksum, sizeof checksum);
  if (size < 0 && errno == ENOTSUP) GTEST_SKIP() << "no user attributes on this file system";
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(checksum, static_cast<std::size_t>(size)), "2591144780");
}

TEST_F(FileStoreTest, WhatOthersWroteIsReadWithoutAChecksum) {
  std::filesystem::create_directories(directory_ / "a/b");
  std::ofstream(directory_ / "a/b/c") << "by hand";
  EXPECT_EQ(get("a/b/c").value(), "by hand");
  EXPECT_FALSE(store_->head(Scope{}, "a/b/c").value().crc32c);
}

TEST_F(FileStoreTest, KeysThatNoDirectoryCanHoldAreRefusedAndNotFound) {
  ASSERT_TRUE(put("f/b", "x"));
  for (const std::string& key : {std::string("f//b"), std::string("f/b/"), std::string("f/"), std::string(256, 'n')}) {
    EXPECT_EQ(put(key, "y").error().code, Code::kInvalid) << key;
    EXPECT_EQ(get(key).error().code, Code::kNotFound) << key;
    EXPECT_TRUE(store_->remove(Scope{}, std::vector{key})) << key;
  }
  EXPECT_EQ(put("f/b/c", "y").error().code, Code::kNotDirectory);
  EXPECT_EQ(put("f", "y").error().code, Code::kIsDirectory);
  EXPECT_EQ(get("f").error().code, Code::kNotFound);
  EXPECT_TRUE(store_->remove(Scope{}, std::vector<std::string>{"f"}));
  EXPECT_EQ(get("f/b").value(), "x");
  EXPECT_EQ(count_files(), 1u) << "no temporary file is left";
}

TEST_F(FileStoreTest, ALinkOutOfTheDirectoryIsNotFollowed) {
  TemporaryDirectory outside;
  std::ofstream(outside / "secret") << "secret";
  std::filesystem::create_symlink(outside / "secret", directory_ / "link");
  std::filesystem::create_directory_symlink(outside.path(), directory_ / "way");
  for (const char* key : {"link", "way/secret"}) EXPECT_EQ(get(key).error().code, Code::kNotPermitted) << key;
  EXPECT_FALSE(put("way/new", "x"));
  EXPECT_FALSE(store_->remove(Scope{}, std::vector<std::string>{"way/secret"}));
  EXPECT_TRUE(std::filesystem::exists(outside / "secret"));
  ASSERT_TRUE(put("link", "mine")) << "a put replaces the link itself";
  EXPECT_EQ(get("link").value(), "mine");
}

TEST_F(FileStoreTest, SpecialFilesAreNoObjectsAndHoldNobodyUp) {
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(get("fifo").error().code, Code::kNotFound);
  EXPECT_EQ(store_->head(Scope{}, "fifo").error().code, Code::kNotFound);
}

TEST_F(FileStoreTest, AReadLeavesTheAccessTimeAlone) {
  ASSERT_TRUE(put("old", "x"));
  const timespec past[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (directory_ / "old").c_str(), past, 0), 0);
  ASSERT_TRUE(get("old"));
  struct stat status{};
  ASSERT_EQ(::stat((directory_ / "old").c_str(), &status), 0);
  EXPECT_EQ(status.st_atim.tv_sec, 1'600'000'000);
}

TEST_F(FileStoreTest, LeftoversOfACrashAreListedAndRecognised) {
  std::ofstream(directory_ / ".jfs.1_0_5.tmp.42") << "half";
  ASSERT_TRUE(put("1_0_5", "whole"));
  const ListPage page = store_->list(Scope{}, "", "", 10).value();
  ASSERT_EQ(page.objects.size(), 2u);
  EXPECT_TRUE(is_temporary_key(page.objects[0].key));
  EXPECT_FALSE(is_temporary_key(page.objects[1].key));
}

TEST_F(FileStoreTest, AMissingDirectoryIsSaidToBeMissing) {
  EXPECT_EQ(FileStore::open(directory_ / "nowhere", scheduler_).error().code, Code::kNotFound);
  std::ofstream(directory_ / "file") << "x";
  EXPECT_EQ(FileStore::open(directory_ / "file", scheduler_).error().code, Code::kNotDirectory);
}

/// Counts directories synced, and fails them on request.
class CountingSync final : public DiskSync {
 public:
  Result<void> sync_file(int) override { return {}; }
  Result<void> sync_file_system(int) override { return {}; }
  Result<void> sync_directory(int) override {
    ++directories;
    if (fails) return Code::kIo;
    return {};
  }
  int directories = 0;
  bool fails = false;
};

TEST_F(FileStoreTest, DirectoriesThatWereMadeAreSyncedUntilAPutSucceeded) {
  CountingSync sync;
  const auto store = FileStore::open(directory_.path(), scheduler_, sync).value();
  const ByteSpan part = bytes_of("x");
  const auto put_and_count = [&](const std::string& key) {
    sync.directories = 0;
    const bool was_put = store->put(Scope{}, key, std::span(&part, 1)).has_value();
    EXPECT_EQ(was_put, !sync.fails);
    return sync.directories;
  };
  sync.fails = true;
  EXPECT_EQ(put_and_count("a/b/1"), 3) << "a/b, and the parents of a and a/b";
  sync.fails = false;
  EXPECT_EQ(put_and_count("a/b/2"), 3) << "nobody knows yet that a and a/b are durable";
  EXPECT_EQ(put_and_count("a/b/3"), 1);
  EXPECT_EQ(put_and_count("a/c/1"), 2) << "a/c, and its parent";
}

TEST_F(FileStoreTest, AFullDiskIsSaidToBeFullAndKeepsNoTrace) {
  if (::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "may not mount";
  {
    const auto store = FileStore::open(directory_.path(), scheduler_).value();
    const std::string small(1000, 's'), large(100'000, 'l');
    const ByteSpan good = bytes_of(small), bad = bytes_of(large);
    EXPECT_TRUE(store->put(Scope{}, "d/fits", std::span(&good, 1)));
    const Result<void> full = store->put(Scope{}, "d/does/not", std::span(&bad, 1));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.code(), Code::kNoSpace) << full.error().text();
    EXPECT_EQ(count_files(), 1u);
    EXPECT_TRUE(store->put(Scope{}, "d/fits too", std::span(&good, 1)));
  }
  ::umount2(directory_.path().c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace headrace::object
