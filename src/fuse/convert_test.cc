// SPDX-License-Identifier: Apache-2.0
#include "fuse/convert.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstring>

namespace headrace::fuse {
namespace {

Attr some_file() {
  Attr attr;
  attr.mode = 0640;
  attr.uid = 5;
  attr.gid = 6;
  attr.length = 1025;
  attr.nlink = 2;
  attr.mtime = {1700000000, 5};
  attr.atime = {-1, 999'999'999};
  return attr;
}

TEST(Convert, AttributesAreWhatStatShows) {
  const fuse_attr out = attr_of(Ino{77}, some_file());
  EXPECT_EQ(out.ino, 77u);
  EXPECT_EQ(out.size, 1025u);
  EXPECT_EQ(out.blocks, 3u) << "units of 512, rounded up";
  EXPECT_EQ(out.mode, static_cast<unsigned>(S_IFREG) | 0640u);
  EXPECT_EQ(out.blksize, 65536u);
  EXPECT_EQ(out.mtime, 1700000000u);
  EXPECT_EQ(out.mtimensec, 5u);
  EXPECT_EQ(static_cast<std::int64_t>(out.atime), -1) << "before 1970";
}

TEST(Convert, TimesToLiveAreSecondsAndNanoseconds) {
  vfs::NodeEntry entry;
  entry.node = 9;
  entry.generation = 3;
  entry.ino = Ino{77};
  entry.attr = some_file();
  entry.entry_ttl = std::chrono::milliseconds(1500);
  entry.attr_ttl = std::chrono::seconds(0);
  const fuse_entry_out out = entry_out_of(entry);
  EXPECT_EQ(out.nodeid, 9u);
  EXPECT_EQ(out.generation, 3u);
  EXPECT_EQ(out.entry_valid, 1u);
  EXPECT_EQ(out.entry_valid_nsec, 500'000'000u);
  EXPECT_EQ(out.attr_valid, 0u);
  EXPECT_EQ(out.attr.ino, 77u);
}

TEST(Convert, EachOpenModeHasItsFlags) {
  using vfs::OpenMode;
  const auto flags = [](OpenMode mode, bool keep) { return open_out_of({5, mode, keep, 12}).open_flags; };
  EXPECT_EQ(flags(OpenMode::kDirect, true), unsigned{FOPEN_DIRECT_IO});
  EXPECT_EQ(flags(OpenMode::kCached, false), 0u);
  EXPECT_EQ(flags(OpenMode::kCached, true), unsigned{FOPEN_KEEP_CACHE});
  EXPECT_EQ(flags(OpenMode::kPass, true), kOpenPassthrough) << "with KEEP_CACHE the user's open would fail";
  EXPECT_EQ(flags(OpenMode::kPassDirect, false), kOpenPassthrough | FOPEN_DIRECT_IO);
  EXPECT_EQ(open_out_of({5, OpenMode::kPass, false, 12}).backing_id, 12);
  EXPECT_EQ(open_out_of({5, OpenMode::kDirect, false, 12}).backing_id, 0);
  EXPECT_EQ(open_out_of({5, OpenMode::kPass, false, 12}).fh, 5u);
}

TEST(Convert, OnlyNamedAttributesChange) {
  fuse_setattr_in in{};
  in.valid = FATTR_MODE | FATTR_MTIME | FATTR_ATIME | FATTR_ATIME_NOW | FATTR_CTIME | FATTR_SIZE | FATTR_FH;
  in.mode = S_IFREG | 04755;
  in.uid = 1;
  in.size = 10;
  in.fh = 3;
  in.mtime = static_cast<std::uint64_t>(-5);
  in.mtimensec = 7;
  const auto set = set_attr_of(in);
  ASSERT_TRUE(set);
  EXPECT_EQ(set->change.mode, 04755);
  EXPECT_FALSE(set->change.uid.has_value());
  EXPECT_TRUE(set->change.atime_now);
  EXPECT_FALSE(set->change.atime.has_value());
  EXPECT_EQ(set->change.mtime, (Timestamp{-5, 7}));
  EXPECT_FALSE(set->change.mtime_now);
  EXPECT_EQ(set->size, 10u);
  EXPECT_EQ(set->handle, 3u);
  in.mtimensec = 1'000'000'000;
  EXPECT_EQ(set_attr_of(in).error().code, Code::kInvalid);
}

TEST(Convert, AChangeOfNothingTakesThePrivileges) {
  fuse_setattr_in in{};
  EXPECT_TRUE(set_attr_of(in)->kills_privileges) << "chown(-1, -1)";
  in.valid = FATTR_SIZE;
  EXPECT_FALSE(set_attr_of(in)->kills_privileges);
  in.valid = FATTR_SIZE | FATTR_KILL_SUIDGID;
  EXPECT_TRUE(set_attr_of(in)->kills_privileges);
}

TEST(Convert, StatfsCountsPages) {
  meta::VolumeUsage usage;
  usage.total_bytes = 1 << 20;
  usage.available_bytes = 1 << 19;
  usage.used_inodes = 3;
  usage.available_inodes = 7;
  const fuse_statfs_out out = statfs_out_of(usage);
  EXPECT_EQ(out.st.blocks * out.st.frsize, 1u << 20);
  EXPECT_EQ(out.st.bavail * out.st.frsize, 1u << 19);
  EXPECT_EQ(out.st.files, 10u);
  EXPECT_EQ(out.st.ffree, 7u);
  EXPECT_EQ(out.st.namelen, 255u);
}

struct Seen {
  std::uint64_t ino, next;
  std::uint32_t type;
  std::string name;
  std::uint64_t node = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

/// Reads a listing as the kernel does.
std::vector<Seen> unpack(ByteSpan packed, bool plus) {
  std::vector<Seen> all;
  while (!packed.empty()) {
    Seen seen{};
    if (plus) std::memcpy(&seen.node, packed.data(), sizeof seen.node);
    const std::byte* const at = packed.data() + (plus ? 128 : 0);
    std::uint32_t name_length = 0;
    std::memcpy(&seen.ino, at, 8);
    std::memcpy(&seen.next, at + 8, 8);
    std::memcpy(&name_length, at + 16, 4);
    std::memcpy(&seen.type, at + 20, 4);
    seen.name.assign(reinterpret_cast<const char*>(at + 24), name_length);
    all.push_back(seen);
    packed = packed.subspan(((plus ? 152 : 24) + name_length + 7) / 8 * 8);
  }
  return all;
}

vfs::Listed listed(std::string_view name, std::uint64_t next, vfs::NodeId node) {
  vfs::Listed entry;
  entry.name = name;
  entry.ino = Ino{100 + next};
  entry.type = FileType::kDirectory;
  entry.next_cookie = next;
  entry.has_entry = node != 0;
  entry.entry.node = node;
  entry.entry.ino = entry.ino;
  return entry;
}

TEST(Listing, EntriesArePackedAsTheKernelReadsThem) {
  for (const bool plus : {false, true}) {
    std::array<std::byte, 4096> room;
    room.fill(std::byte{0xee});
    ListingPacker packer(room, plus);
    EXPECT_TRUE(packer.add(listed(".", 1, 0)));
    EXPECT_TRUE(packer.add(listed("12345678", 2, 50)));
    EXPECT_TRUE(packer.add(listed("a", 3, 51)));
    const std::vector<Seen> want{
        {101, 1, 4, ".", 0}, {102, 2, 4, "12345678", plus ? 50u : 0}, {103, 3, 4, "a", plus ? 51u : 0}};
    EXPECT_EQ(unpack(packer.packed(), plus), want);
  }
}

TEST(Listing, WhatDoesNotFitIsLeftForTheNextCall) {
  std::array<std::byte, 100> room;
  ListingPacker packer(room, false);
  int added = 0;
  while (packer.add(listed("name", 1, 0))) ++added;
  EXPECT_EQ(added, 3) << "3 × 32 bytes";
  EXPECT_TRUE(packer.is_full());
  EXPECT_EQ(packer.packed().size(), 96u);
  EXPECT_FALSE(packer.add(listed("", 1, 0))) << "nothing comes behind one that was refused";
}

TEST(Listing, EveryCountedLookupIsFound) {
  std::array<std::byte, 4096> room;
  ListingPacker packer(room, true);
  packer.add(listed(".", 1, 0));
  packer.add(listed("some name", 2, 50));
  packer.add(listed("x", 3, 51));
  std::vector<NodeId> nodes;
  for_each_lookup(packer.packed(), [&nodes](NodeId node) { nodes.push_back(node); });
  EXPECT_EQ(nodes, (std::vector<NodeId>{50, 51}));
}

}  // namespace
}  // namespace headrace::fuse
