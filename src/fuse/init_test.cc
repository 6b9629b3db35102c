// SPDX-License-Identifier: Apache-2.0
#include "fuse/init.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace headrace::fuse {
namespace {

// What kernels offer: the flags that their protocol version knows (kernel-lanes sheet, and linux/fuse.h's history).
constexpr std::uint64_t bits(int first, int last) {
  std::uint64_t word = 0;
  for (int bit = first; bit <= last; ++bit) word |= 1ull << bit;
  return word;
}

struct Row {
  const char* kernel;
  std::uint32_t minor;
  std::uint64_t offered;
  bool has_wide_init;
  bool passthrough, big_requests, resend, killpriv;
};

const Row kRows[] = {
    {"3.5", 19, bits(0, 11), false, false, false, false, false},
    {"5.4", 31, bits(0, 25), false, false, true, false, false},
    {"5.15", 34, bits(0, 29), false, false, true, false, true},
    {"6.1", 38, bits(0, 30) | bits(32, 35), true, false, true, false, true},
    {"6.18", 45, 0x73fffffbull | 0x5fdull << 32, true, true, true, true, true},
};

std::vector<std::byte> init_body(const Row& row) {
  fuse_init_in in{};
  in.major = 7;
  in.minor = row.minor;
  in.max_readahead = 131072;
  in.flags = static_cast<std::uint32_t>(row.offered);
  in.flags2 = static_cast<std::uint32_t>(row.offered >> 32);
  std::vector<std::byte> body(row.has_wide_init ? sizeof in : kInitInBytesBeforeExt);
  std::memcpy(body.data(), &in, body.size());
  return body;
}

TEST(Init, EachKernelGetsWhatItOffersAndWeWant) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.kernel);
    const auto offer = parse_init(init_body(row));
    ASSERT_TRUE(offer);
    const auto negotiated = negotiate(*offer, Wish{});
    ASSERT_TRUE(negotiated);
    EXPECT_EQ(negotiated->minor, row.minor);
    EXPECT_EQ(negotiated->flags & ~row.offered, 0u) << "a bit that was not offered";
    EXPECT_EQ(negotiated->has_passthrough(), row.passthrough);
    EXPECT_EQ(negotiated->can_resend(), row.resend);
    EXPECT_EQ(negotiated->has(FUSE_HANDLE_KILLPRIV_V2), row.killpriv);
    EXPECT_EQ(negotiated->max_write, row.big_requests ? 1u << 20 : 32u * 4096);
    EXPECT_TRUE(negotiated->has(FUSE_POSIX_LOCKS) && negotiated->has(FUSE_FLOCK_LOCKS) &&
                negotiated->has(FUSE_ATOMIC_O_TRUNC));
  }
}

TEST(Init, TheReplyHasTheFieldsThatItsBitsPromise) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.kernel);
    const auto negotiated = negotiate(*parse_init(init_body(row)), Wish{});
    ASSERT_TRUE(negotiated);
    const InitOut out = init_reply(*negotiated);
    EXPECT_EQ(out.major, 7u);
    EXPECT_EQ(out.minor, row.minor);
    EXPECT_EQ(out.flags | std::uint64_t{out.flags2} << 32, negotiated->flags);
    EXPECT_EQ(out.max_stack_depth, row.passthrough ? 1u : 0u) << "0 and 3 make every backing fail";
    EXPECT_EQ(out.max_pages, row.big_requests ? 256 : 0);
    EXPECT_EQ(out.time_gran, 1u);
    EXPECT_EQ(out.max_readahead, 131072u);
    EXPECT_EQ(init_reply_bytes(*negotiated), row.minor < 23 ? 24u : 64u);
    // The upper half counts for the kernel only beside INIT_EXT.
    if (out.flags2 != 0) EXPECT_NE(out.flags & FUSE_INIT_EXT, 0u);
  }
}

TEST(Init, WhatHurtsIsNeverAskedFor) {
  const std::uint64_t never = FUSE_WRITEBACK_CACHE | FUSE_SPLICE_READ | FUSE_SPLICE_WRITE | FUSE_SPLICE_MOVE |
                              FUSE_NO_OPEN_SUPPORT | FUSE_DONT_MASK | FUSE_EXPORT_SUPPORT | kInitAllowIdmap |
                              kInitOverIoUring | kInitRequestTimeout | FUSE_EXPLICIT_INVAL_DATA;
  EXPECT_EQ(wanted_flags(Wish{}) & never, 0u);
}

TEST(Init, AWishIsKept) {
  const Offer everything{7, 45, 131072, ~std::uint64_t{0}};
  const auto plain = negotiate(everything, Wish{.is_writable = false, .shared_locks = false, .passthrough = false});
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->has(FUSE_ATOMIC_O_TRUNC));
  EXPECT_FALSE(plain->has(FUSE_POSIX_LOCKS));
  EXPECT_FALSE(plain->has(FUSE_FLOCK_LOCKS));
  EXPECT_FALSE(plain->has_passthrough());
  EXPECT_EQ(init_reply(*plain).max_stack_depth, 0u);
}

TEST(Init, TheUpperHalfCountsOnlyBesideItsGate) {
  fuse_init_in in{};
  in.major = 7;
  in.minor = 38;
  in.flags = FUSE_ASYNC_READ;
  in.flags2 = 0xffffffff;
  const auto offer = parse_init(std::as_bytes(std::span(&in, 1)));
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->flags, std::uint64_t{FUSE_ASYNC_READ});
  // The gate without the word behind it is no gate.
  in.flags |= FUSE_INIT_EXT;
  const auto cut = parse_init(std::as_bytes(std::span(&in, 1)).first(16));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->flags, std::uint64_t{FUSE_ASYNC_READ});
}

TEST(Init, AKernelOfALaterProtocolIsSpokenToInOurs) {
  const auto negotiated = negotiate(Offer{7, 99, 131072, ~std::uint64_t{0}}, Wish{});
  ASSERT_TRUE(negotiated);
  EXPECT_EQ(negotiated->minor, kProtocolMinor);
  EXPECT_EQ(negotiated->kernel_minor, 99u);
}

TEST(Init, OddKernelsAreRefusedWithASentence) {
  EXPECT_EQ(parse_init({}).error().code, Code::kInvalid);
  const auto old = negotiate(Offer{7, 18, 0, 0}, Wish{});
  ASSERT_FALSE(old);
  EXPECT_EQ(old.code(), Code::kVersion);
  EXPECT_NE(old.error().message.find("too old"), std::string::npos);
  EXPECT_EQ(negotiate(Offer{8, 0, 0, 0}, Wish{}).error().code, Code::kVersion);
}

TEST(Init, ASuccessorReadsBackWhatWasNegotiated) {
  const auto negotiated = negotiate(Offer{7, 45, 131072, ~std::uint64_t{0}}, Wish{});
  ASSERT_TRUE(negotiated);
  std::vector<std::byte> stored(sizeof(Negotiated));
  std::memcpy(stored.data(), &*negotiated, stored.size());
  const auto read_back = adopt_negotiated(stored);
  ASSERT_TRUE(read_back);
  EXPECT_EQ(*read_back, *negotiated);

  stored[0] ^= std::byte{1};
  EXPECT_EQ(adopt_negotiated(stored).error().code, Code::kVersion);
  stored.pop_back();
  EXPECT_EQ(adopt_negotiated(stored).error().code, Code::kVersion);
}

}  // namespace
}  // namespace headrace::fuse
