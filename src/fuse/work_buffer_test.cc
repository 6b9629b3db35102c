// SPDX-License-Identifier: Apache-2.0
#include "fuse/work_buffer.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

namespace headrace::fuse {
namespace {

std::size_t resident_pages(MutableByteSpan room) {
  const auto start = reinterpret_cast<std::uintptr_t>(room.data()) / 4096 * 4096;
  std::vector<unsigned char> pages(room.size() / 4096);
  EXPECT_EQ(mincore(reinterpret_cast<void*>(start), pages.size() * 4096, pages.data()), 0);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(WorkBuffer, TheDataOfAWriteAndOfAReadBeginAtAPage) {
  const auto buffer = WorkBuffer::make();
  ASSERT_TRUE(buffer);
  const std::size_t before_data = sizeof(fuse_in_header) + sizeof(fuse_write_in);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*buffer)->request_room().data() + before_data) % 4096, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*buffer)->reply_room().data()) % 4096, 0u);
  EXPECT_GE((*buffer)->request_room().size(), kDataBytesMax + before_data) << "else the kernel's read fails";
  EXPECT_EQ((*buffer)->reply_room().size(), kDataBytesMax);
  EXPECT_GE((*buffer)->reply_room().data(), (*buffer)->request_room().data() + before_data)
      << "a reply overwrites the READ it answers";
}

TEST(WorkBuffer, MemoryThatIsGivenBackIsGone) {
  const auto buffer = WorkBuffer::make();
  ASSERT_TRUE(buffer);
  const MutableByteSpan room = (*buffer)->reply_room();
  EXPECT_FALSE((*buffer)->is_worth_giving_back());
  std::fill(room.begin(), room.end(), std::byte{1});
  (*buffer)->touched(room.size());
  ASSERT_TRUE((*buffer)->is_worth_giving_back());
  EXPECT_EQ(resident_pages(room), 256u);
  (*buffer)->give_back();
  EXPECT_LE(resident_pages(room), 8u);
  EXPECT_FALSE((*buffer)->is_worth_giving_back());
}

TEST(WorkBuffer, OneLargeRequestAmongSmallOnesIsGivenBackSoon) {
  const auto buffer = WorkBuffer::make();
  ASSERT_TRUE(buffer);
  for (int i = 0; i < 1000; ++i) (*buffer)->touched(100);
  EXPECT_FALSE((*buffer)->was_large_long_ago()) << "nothing was large";
  (*buffer)->touched(kDataBytesMax);
  EXPECT_FALSE((*buffer)->was_large_long_ago());
  for (int i = 0; i < 1000; ++i) (*buffer)->touched(100);
  EXPECT_TRUE((*buffer)->was_large_long_ago());
  (*buffer)->touched(kDataBytesMax);
  EXPECT_FALSE((*buffer)->was_large_long_ago()) << "again";
}

}  // namespace
}  // namespace headrace::fuse
