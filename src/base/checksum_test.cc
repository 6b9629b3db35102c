// SPDX-License-Identifier: Apache-2.0
#include "base/checksum.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"

namespace headrace {
namespace {

/// Bit by bit, from the polynomial alone.
std::uint32_t plain_crc32c(ByteSpan bytes) {
  std::uint32_t crc = ~0u;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return ~crc;
}

std::vector<std::byte> random_bytes(Rng& rng, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.next());
  return bytes;
}

TEST(Crc32c, GivesTheVectorsOfTheIscsiStandard) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8A9136AAu);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\xFF'))), 0x62A8AB43u);
  std::string ascending, descending;
  for (char i = 0; i < 32; ++i) ascending += i, descending += static_cast<char>(31 - i);
  EXPECT_EQ(crc32c(bytes_of(ascending)), 0x46DD794Eu);
  EXPECT_EQ(crc32c(bytes_of(descending)), 0x113FDB5Cu);
}

TEST(Crc32c, EveryLengthAndAlignmentAgreesWithTheBitwiseOne) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  const std::vector<std::byte> bytes = random_bytes(rng, 20000);
  std::vector<std::size_t> lengths;
  for (std::size_t length = 0; length < 70; ++length) lengths.push_back(length);
  for (const std::size_t edge : {1024, 3072, 6144, 9216, 12288}) {  // where the three streams begin and end
    for (const int off : {-9, -8, -1, 0, 1, 7, 8, 9}) lengths.push_back(edge + static_cast<std::size_t>(off));
  }
  for (int i = 0; i < 50; ++i) lengths.push_back(rng.below(19000));
  for (const std::size_t length : lengths) {
    const std::size_t start = rng.below(17);
    const ByteSpan part = ByteSpan(bytes).subspan(start, length);
    ASSERT_EQ(crc32c(part), plain_crc32c(part)) << length << " bytes from " << start;
  }
}

TEST(Crc32c, OneThatGoesOnIsTheOneOfTheWhole) {
  Rng rng(7);
  const std::vector<std::byte> bytes = random_bytes(rng, 10007);
  const std::uint32_t whole = crc32c(bytes);
  for (int i = 0; i < 200; ++i) {
    const std::size_t cut = rng.below(bytes.size() + 1);
    ASSERT_EQ(crc32c(ByteSpan(bytes).subspan(cut), crc32c(ByteSpan(bytes).first(cut))), whole) << cut;
  }
}

TEST(Crc32c, AFlippedBitChangesIt) {
  Rng rng(9);
  std::vector<std::byte> bytes = random_bytes(rng, 5000);
  const std::uint32_t before = crc32c(bytes);
  for (int i = 0; i < 200; ++i) {
    std::byte& byte = bytes[rng.below(bytes.size())];
    const std::byte flip = static_cast<std::byte>(1u << rng.below(8));
    byte ^= flip;
    ASSERT_NE(crc32c(bytes), before);
    byte ^= flip;
  }
}

TEST(Xxh3, GivesThePublishedValueOfNothingAndTellsContentsApart) {
  EXPECT_EQ(xxh3({}), 0x2D06800538D394C2ull);
  EXPECT_NE(xxh3(bytes_of("a")), xxh3(bytes_of("b")));
  EXPECT_EQ(xxh3(bytes_of("headrace")), xxh3(bytes_of(std::string("headrace"))));
}

}  // namespace
}  // namespace headrace
