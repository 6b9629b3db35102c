// SPDX-License-Identifier: Apache-2.0
#include "object/open_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "object/testing/temporary_directory.h"

namespace headrace::object {
namespace {

class OpenStore : public testing::Test {
 protected:
  Error error_of(const std::string& url) {
    auto store = open_store(url, scheduler_);
    return store ? Error(Code::kExists, "it was opened") : store.error();
  }
  SystemScheduler scheduler_;
  TemporaryDirectory directory_;
};

TEST_F(OpenStore, ADirectoryMayBeWrittenInThreeWays) {
  const std::string& path = directory_.path();
  for (const std::string& url : {path, path + "/", "file://" + path, "file://" + path + "/"}) {
    const auto store = open_store(url, scheduler_);
    ASSERT_TRUE(store) << url << ": " << store.error().text();
    EXPECT_EQ((*store)->traits().scheme, "file");
    EXPECT_EQ((*store)->traits().location, "file://" + path + "/");
  }
}

TEST_F(OpenStore, AMissingDirectoryIsMadeOnlyOnRequest) {
  const std::string path = directory_ / "new/bucket";
  EXPECT_EQ(error_of(path).code, Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(open_store(path, scheduler_, {.make_directory = true}));
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST_F(OpenStore, ABucketMaySeemToBeFarAway) {
  const auto store =
      open_store("file://" + directory_.path() + "?latency=20ms&connection-rate=1MB", scheduler_).value();
  const std::string bytes(50'000, 'x');
  const ByteSpan part = bytes_of(bytes);
  const Moment begun = scheduler_.clock().now();
  ASSERT_TRUE(store->put(Scope{}, "key", std::span(&part, 1)));
  EXPECT_GE(scheduler_.clock().now() - begun, std::chrono::milliseconds(70));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "key"));
  EXPECT_EQ(error_of("file://" + directory_.path() + "?speed=1").text(),
            "speed: a file URL knows latency, connection-rate and rate");
  EXPECT_EQ(error_of("file://" + directory_.path() + "?latency=soon").code, Code::kInvalid);
}

TEST_F(OpenStore, EachBucketInMemoryIsItsOwn) {
  const auto one = open_store("mem://", scheduler_).value(), two = open_store("mem://", scheduler_).value();
  ASSERT_TRUE(one->put(Scope{}, "key", {}));
  EXPECT_TRUE(one->head(Scope{}, "key"));
  EXPECT_FALSE(two->head(Scope{}, "key"));
}

TEST_F(OpenStore, WhatIsNotSupportedIsSaidInASentence) {
  EXPECT_EQ(error_of("ftp://host/dir"),
            Error(Code::kNotSupported,
                  "ftp:// buckets are not supported: use file:///DIRECTORY, a plain directory, or mem://"));
  EXPECT_EQ(error_of("file://host/dir"),
            Error(Code::kInvalid, "file://host/dir: a file URL needs an absolute path: file:///DIRECTORY"));
  EXPECT_EQ(error_of("mem://name"), Error(Code::kInvalid, "mem://name: a bucket in memory has no name: mem://"));
  EXPECT_EQ(error_of("").code, Code::kInvalid);
}

}  // namespace
}  // namespace headrace::object
