// SPDX-License-Identifier: Apache-2.0
// Byte forms against the vectors of the format sheet, and round trips of anything.
#include "records/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "records/testing/hex.h"

namespace headrace::records {
namespace {

constexpr std::int64_t kT = 1700000000;

template <class R>
bool is_damaged(const R& result) {
  return !result && result.code() == Code::kDamaged && !result.error().message.empty();
}

TEST(Codec, SlicesAreTheBytesOfTheSheet) {
  const SliceList slices{{0, SliceId{1}, 5, 0, 5},
                         {3u << 20, SliceId{0x1234}, 0x500000, 0x1000, 0x4FF000},
                         {0, SliceId{0}, 0, 0, 64u << 20}};
  const std::string bytes = from_hex(
      "000000000000000000000001000000050000000000000005"
      "0030000000000000000012340050000000001000004ff000"
      "000000000000000000000000000000000000000004000000");
  EXPECT_EQ(to_hex(encode_slices(slices)), to_hex(bytes));
  EXPECT_EQ(decode_slices(bytes), slices);
}

TEST(Codec, AHalfSliceIsDamage) {
  for (std::size_t size = 0; size <= 72; ++size) {
    EXPECT_EQ(is_damaged(decode_slices(std::string(size, '\0'))), size % 24 != 0) << size;
  }
}

Attr root_of_the_sheet() {
  Attr attr;
  attr.type = FileType::kDirectory;
  attr.mode = 0777;
  attr.atime = attr.mtime = attr.ctime = {kT, 0};
  attr.nlink = 2;
  attr.length = 4096;
  attr.parent = Ino{1};
  return attr;
}

TEST(Codec, InodesAreTheBytesOfTheSheet) {
  const Attr root = root_of_the_sheet();
  const std::string root_bytes = from_hex(
      "0021ff0000000000000000000000006553f10000000000000000006553f10000000000000000006553f10000000000000000020000000000"
      "00100000000000"
      "000000000000000100");
  EXPECT_EQ(to_hex(encode_inode(root)), to_hex(root_bytes));
  EXPECT_EQ(decode_inode(root_bytes), root);

  Attr file;
  file.mode = 0644;
  file.uid = file.gid = 1000;
  file.atime = {kT, 123456789};
  file.mtime = {kT + 1, 5};
  file.ctime = {kT + 1, 6};
  file.length = 5;
  file.parent = Ino{1};
  const std::string file_bytes = from_hex(
      "0011a4000003e8000003e8000000006553f100075bcd15000000006553f10100000005000000006553f10100000006000000010000000000"
      "0000050000000"
      "0000000000000000100");
  EXPECT_EQ(to_hex(encode_inode(file)), to_hex(file_bytes));
  EXPECT_EQ(decode_inode(file_bytes), file);
}

TEST(Codec, AnInodeGrowsByItsAclsAndItsTier) {
  Attr attr = root_of_the_sheet();
  EXPECT_EQ(encode_inode(attr).size(), 72u);
  attr.access_acl = 3;
  EXPECT_EQ(to_hex(encode_inode(attr).substr(63)), "0000000000000001000000030000000000");
  attr.tier = 2;
  EXPECT_EQ(encode_inode(attr).size(), 81u);
  EXPECT_EQ(decode_inode(encode_inode(attr)), attr);
  attr.access_acl = 0;
  EXPECT_EQ(to_hex(encode_inode(attr).substr(63)), "00000000000000010200");
}

TEST(Codec, AnInodeOfAnotherVersionIsReadAsFarAsItIsKnown) {
  Attr attr = root_of_the_sheet();
  const std::string bytes = encode_inode(attr);
  EXPECT_EQ(decode_inode(bytes.substr(0, 71)), attr);
  EXPECT_EQ(decode_inode(bytes.substr(0, 71) + std::string(9, '\0') + "newer fields"), attr);
  attr.parent = Ino{0};
  EXPECT_EQ(decode_inode(bytes.substr(0, 63)), attr);
}

TEST(Codec, AnInodeOfAnImpossibleLengthTypeOrTimeIsDamage) {
  const std::string bytes = encode_inode(root_of_the_sheet());
  for (std::size_t size = 0; size < 71; ++size)
    EXPECT_EQ(is_damaged(decode_inode(bytes.substr(0, size))), size != 63) << size;
  for (const unsigned type : {0u, 8u, 15u}) {
    std::string other = bytes;
    other[1] = static_cast<char>(type << 4);
    EXPECT_TRUE(is_damaged(decode_inode(other))) << type;
  }
  std::string late = bytes;
  late.replace(19, 4, from_hex("3b9aca00"));  // 1,000,000,000 ns
  EXPECT_TRUE(is_damaged(decode_inode(late)));
}

TEST(Codec, EntriesLocksAndRetiredSlicesAreTheBytesOfTheSheet) {
  EXPECT_EQ(to_hex(encode_entry({Ino{2}, FileType::kRegular})), "010000000000000002");
  EXPECT_EQ(decode_entry(from_hex("010000000000000002")), (EntryRecord{Ino{2}, FileType::kRegular}));
  const std::vector<LockRange> locks{{1, 4321, 0, 0x7FFFFFFFFFFFFFFF}};
  EXPECT_EQ(to_hex(encode_lock_ranges(locks)), "00000001000010e100000000000000007fffffffffffffff");
  EXPECT_EQ(decode_lock_ranges(encode_lock_ranges(locks)), locks);
  const std::vector<SliceRefKey> retired{{SliceId{7}, 4096}};
  EXPECT_EQ(to_hex(encode_delayed_slices(retired)), "000000000000000700001000");
  EXPECT_EQ(decode_delayed_slices(encode_delayed_slices(retired)), retired);
  DirQuotaRecord quota;
  quota.space_max = 1 << 30;
  EXPECT_EQ(to_hex(encode_quota_limits(quota)), "0000000040000000ffffffffffffffff");
  EXPECT_EQ(decode_quota_limits(encode_quota_limits(quota)), quota);
}

TEST(Codec, WrongLengthsOfSmallRecordsAreDamage) {
  for (std::size_t size = 0; size <= 48; ++size) {
    const std::string bytes(size, '\1');
    EXPECT_EQ(is_damaged(decode_entry(bytes)), size != 9) << size;
    EXPECT_EQ(is_damaged(decode_lock_ranges(bytes)), size % 24 != 0) << size;
    EXPECT_EQ(is_damaged(decode_delayed_slices(bytes)), size % 12 != 0) << size;
    EXPECT_EQ(is_damaged(decode_quota_limits(bytes)), size != 16) << size;
    EXPECT_EQ(is_damaged(decode_acl_list(bytes)), size % 6 != 0) << size;
  }
  EXPECT_TRUE(is_damaged(decode_entry(from_hex("080000000000000002"))));
}

TEST(Codec, AnAclIsTheBytesOfTheSheet) {
  const AclRecord acl{6, 4, 6, 4, {{1001, 6}}, {}};
  EXPECT_EQ(to_hex(encode_acl(acl)), "000600040006000400000001000003e9000600000000");
  EXPECT_EQ(decode_acl(encode_acl(acl)), acl);
}

TEST(Codec, AnAclWhoseCountsDoNotFitItsLengthIsDamage) {
  const std::string bytes = encode_acl({6, 4, 6, 4, {{1001, 6}, {1002, 4}}, {{7, 1}}});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(is_damaged(decode_acl(bytes.substr(0, size)))) << size;
  EXPECT_TRUE(is_damaged(decode_acl(bytes + '\0')));
  std::string huge = bytes;
  huge.replace(8, 4, from_hex("ffffffff"));
  EXPECT_TRUE(is_damaged(decode_acl(huge)));
}

Timestamp any_time() {
  return {*rc::gen::arbitrary<std::int64_t>(), *rc::gen::inRange<std::uint32_t>(0, 1'000'000'000)};
}

RC_GTEST_PROP(CodecProperty, AnyInodeComesBack, ()) {
  Attr attr;
  attr.type = static_cast<FileType>(*rc::gen::inRange(1, 8));
  attr.flags = *rc::gen::arbitrary<std::uint8_t>();
  attr.mode = *rc::gen::inRange<std::uint16_t>(0, 010000);
  attr.uid = *rc::gen::arbitrary<std::uint32_t>();
  attr.gid = *rc::gen::arbitrary<std::uint32_t>();
  attr.atime = any_time();
  attr.mtime = any_time();
  attr.ctime = any_time();
  attr.nlink = *rc::gen::arbitrary<std::uint32_t>();
  attr.length = *rc::gen::arbitrary<std::uint64_t>();
  attr.rdev = *rc::gen::arbitrary<std::uint32_t>();
  attr.parent = Ino{*rc::gen::arbitrary<std::uint64_t>()};
  attr.access_acl = *rc::gen::arbitrary<std::uint32_t>();
  attr.default_acl = *rc::gen::arbitrary<std::uint32_t>();
  attr.tier = *rc::gen::arbitrary<std::uint8_t>();
  RC_ASSERT((decode_inode(encode_inode(attr)).value() == attr));
}

RC_GTEST_PROP(CodecProperty, AnySliceListComesBack, ()) {
  const auto slices = *rc::gen::container<SliceList>(rc::gen::exec([] {
    Slice slice;
    slice.pos = *rc::gen::arbitrary<std::uint32_t>();
    slice.id = SliceId{*rc::gen::arbitrary<std::uint64_t>()};
    slice.size = *rc::gen::arbitrary<std::uint32_t>();
    slice.off = *rc::gen::arbitrary<std::uint32_t>();
    slice.len = *rc::gen::arbitrary<std::uint32_t>();
    return slice;
  }));
  RC_ASSERT((decode_slices(encode_slices(slices)).value() == slices));
}

RC_GTEST_PROP(CodecProperty, AnyAclComesBack,
              (std::uint16_t owner, std::uint16_t mask, const AclList& users, const AclList& groups)) {
  const AclRecord acl{owner, 5, mask, 0, users, groups};
  RC_ASSERT((decode_acl(encode_acl(acl)).value() == acl));
  RC_ASSERT((decode_acl_list(encode_acl_list(users)).value() == users));
}

RC_GTEST_PROP(CodecProperty, WhatDecodesEncodesToTheSameBytes, (const std::string& bytes)) {
  if (const auto slices = decode_slices(bytes)) RC_ASSERT((encode_slices(*slices) == bytes));
  if (const auto locks = decode_lock_ranges(bytes)) RC_ASSERT((encode_lock_ranges(*locks) == bytes));
  if (const auto entry = decode_entry(bytes)) RC_ASSERT((encode_entry(*entry) == bytes));
}

}  // namespace
}  // namespace headrace::records
