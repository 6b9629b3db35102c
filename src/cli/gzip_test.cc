// SPDX-License-Identifier: Apache-2.0
#include "cli/gzip.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <istream>

#include "base/fd.h"
#include "base/rng.h"

namespace headrace::cli {
namespace {

class Gzip : public testing::Test {
 protected:
  void write(std::string_view text, std::string_view comment = {}) {
    GzipWriter writer(file_.get(), comment);
    for (std::size_t at = 0; at < text.size(); at += 1000) ASSERT_TRUE(writer.write(text.substr(at, 1000)));
    ASSERT_TRUE(writer.finish());
  }
  std::string read(Result<void>* outcome = nullptr) {
    EXPECT_EQ(::lseek(file_.get(), 0, SEEK_SET), 0);
    GunzipBuffer buffer(file_.get());
    std::istream in(&buffer);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    if (outcome != nullptr)
      *outcome = buffer.outcome();
    else
      EXPECT_TRUE(buffer.outcome());
    return text;
  }
  static std::string noise(std::size_t bytes) {
    Rng rng(7);
    std::string text;
    while (text.size() < bytes) text += static_cast<char>(rng.below(256));
    return text;
  }

  UniqueFd file_{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
};

TEST_F(Gzip, WhatIsWrittenIsRead) {
  const std::string text = noise(300'000) + std::string(1'000'000, 'x');
  write(text);
  EXPECT_LT(::lseek(file_.get(), 0, SEEK_END), 400'000);
  EXPECT_EQ(read(), text);
}

TEST_F(Gzip, AFileThatIsNotCompressedIsReadAsItIs) {
  for (const std::string& text : {std::string(), std::string("{"), noise(300'000)}) {
    ASSERT_EQ(::ftruncate(file_.get(), 0), 0);
    ASSERT_TRUE(pwrite_all(file_.get(), bytes_of(text), 0));
    EXPECT_EQ(read(), text);
  }
}

TEST_F(Gzip, SeveralInOneFileAreReadOneBehindTheOther) {
  write("one");
  write("two");
  EXPECT_EQ(read(), "onetwo");
}

TEST_F(Gzip, ACutOrDamagedFileSaysSo) {
  write(noise(100'000));
  Result<void> outcome;
  const off_t size = ::lseek(file_.get(), 0, SEEK_END);
  ASSERT_TRUE(pwrite_all(file_.get(), bytes_of("!!!!!!!!"), 50'000));
  read(&outcome);
  EXPECT_EQ(outcome ? Code::kIo : outcome.code(), Code::kDamaged);
  ASSERT_EQ(::ftruncate(file_.get(), 0), 0);
  ASSERT_EQ(::lseek(file_.get(), 0, SEEK_SET), 0);
  write(noise(100'000));
  ASSERT_EQ(::ftruncate(file_.get(), size - 4), 0);
  read(&outcome);
  EXPECT_EQ(outcome ? Code::kIo : outcome.code(), Code::kDamaged);
}

TEST_F(Gzip, TheCommentStandsInTheHeaderAndCanBeReplaced) {
  GzipWriter writer(file_.get(), "digest 0000");
  ASSERT_TRUE(writer.write("text"));
  ASSERT_TRUE(writer.finish());
  ASSERT_TRUE(writer.replace_comment("digest abcd"));
  std::string head(100, '\0');
  head.resize(pread_full(file_.get(), std::as_writable_bytes(std::span(head)), 0).value());
  EXPECT_EQ(gzip_comment(head), "digest abcd");
  EXPECT_EQ(gzip_comment(head.substr(0, 15)), "");
  EXPECT_EQ(gzip_comment("{}"), "");
  EXPECT_EQ(read(), "text");
}

}  // namespace
}  // namespace headrace::cli
