// SPDX-License-Identifier: Apache-2.0
#include "base/types.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <unordered_set>

#include "base/bytes.h"
#include "base/check.h"
#include "base/extent.h"
#include "base/function_ref.h"

namespace headrace {
namespace {

static_assert(!std::is_convertible_v<Ino, SliceId> && !std::is_constructible_v<Ino, SliceId> &&
              !std::is_convertible_v<std::uint64_t, Ino>);

TEST(Types, AnOffsetIsAChunkAndAPlaceInIt) {
  for (const std::uint64_t offset :
       {std::uint64_t{0}, kChunkBytes - 1, kChunkBytes, 5 * kChunkBytes + 7, kFileBytesMax - 1}) {
    EXPECT_EQ(start_of(chunk_of(offset)) + offset_in_chunk(offset), offset);
    EXPECT_LT(offset_in_chunk(offset), kChunkBytes);
  }
}

TEST(Types, TheTrashBeginsAtItsRoot) {
  EXPECT_FALSE(is_trash(kRootIno));
  EXPECT_TRUE(is_trash(kTrashRoot));
  EXPECT_TRUE(is_trash(Ino{kTrashRoot.value() + 1}));
}

TEST(Types, NeighboursFallIntoDifferentBuckets) {
  std::unordered_set<std::size_t> low_bits;
  for (std::uint64_t i = 0; i < 256; ++i) low_bits.insert(std::hash<Ino>()(Ino{i}) & 0xFFF);
  EXPECT_GT(low_bits.size(), 200u);
}

TEST(Bytes, BigEndianNumbersReadBackAndTheirBytesStandInOrder) {
  std::string text;
  append_big_endian(text, std::uint8_t{0x01});
  append_big_endian(text, std::uint16_t{0x0203});
  append_big_endian(text, std::uint32_t{0x04050607});
  append_big_endian(text, std::uint64_t{0x08090A0B0C0D0E0F});
  ASSERT_EQ(text.size(), 15u);
  for (std::size_t i = 0; i < text.size(); ++i) EXPECT_EQ(text[i], static_cast<char>(i + 1));
  EXPECT_EQ(load_big_endian<std::uint16_t>(text.data() + 1), 0x0203);
  EXPECT_EQ(load_big_endian<std::uint64_t>(text.data() + 7), 0x08090A0B0C0D0E0Full);
  EXPECT_EQ(text_view(bytes_of(text)), text);
}

TEST(Extent, ZeroIsAHole) {
  EXPECT_TRUE((Extent{.offset = 4, .length = 6, .slice = {}, .slice_size = 0, .slice_offset = 0}.is_hole()));
  EXPECT_EQ((Extent{.offset = 4, .length = 6, .slice = SliceId{1}, .slice_size = 6, .slice_offset = 0}.end()), 10u);
}

int apply(FunctionRef<int(int)> function, int value) { return function(value); }
int twice(int value) { return 2 * value; }

TEST(FunctionRef, CallsWhatItWasMadeFrom) {
  int calls = 0;
  const auto count = [&calls](int value) { return ++calls + value; };
  EXPECT_EQ(apply(count, 10), 11);
  EXPECT_EQ(apply(count, 10), 12) << "the object itself, not a copy";
  EXPECT_EQ(apply([](int value) { return value + 1; }, 1), 2);
  EXPECT_EQ(apply(twice, 4), 8);
}

TEST(Check, AMistakeOfOursEndsTheProgramAndSaysWhere) {
  CHECK(1 + 1 == 2);
  EXPECT_DEATH(CHECK(1 + 1 == 3), "internal error at .*types_test.cc:[0-9]+: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace headrace
