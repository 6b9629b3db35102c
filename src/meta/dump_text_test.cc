// SPDX-License-Identifier: Apache-2.0
#include "meta/dump_text.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace headrace::meta {
namespace {

TEST(DumpText, BytesThatAreNoTextAreEscapedAndTextIsNot) {
  EXPECT_EQ(escape_bytes("a b\n%\"\\"), "a%20b%0A%25%22%5C");
  EXPECT_EQ(escape_bytes("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8C\x8A"), "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8C\x8A");
  EXPECT_EQ(escape_bytes("\xC3(\xE2\x82\xED\xA0\x80\xC0\x80\xFF"), "%C3(%E2%82%ED%A0%80%C0%80%FF")
      << "cut, a surrogate, too long, no UTF-8";
  EXPECT_EQ(escape_bytes("\xEF\xBF\xBD"), "\xEF\xBF\xBD") << "a replacement character is a character";
}

TEST(DumpText, AnyBytesComeBack) {
  const std::uint64_t seed = random_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (std::uint64_t left = rng.below(20); left > 0; --left)
      bytes += rng.below(3) == 0 ? "%41\xC3\xA4"[rng.below(5)] : static_cast<char>(rng.below(256));
    ASSERT_EQ(unescape_bytes(escape_bytes(bytes)), bytes);
  }
}

TEST(DumpText, APercentSignWithoutTwoDigitsStays) {
  EXPECT_EQ(unescape_bytes("100%"), "100%");
  EXPECT_EQ(unescape_bytes("%4"), "%4");
  EXPECT_EQ(unescape_bytes("%4a%zz%41"), "%4a%zzA") << "digits are upper case";
}

TEST(DumpText, JsonStringsAreWrittenAsGoWritesThem) {
  EXPECT_EQ(json_string("a\"\\\n\x01<&>"), "\"a\\\"\\\\\\n\\u0001\\u003c\\u0026\\u003e\"");
  EXPECT_EQ(json_string("\xFF\xE2\x80\xA8"), "\"\\ufffd\\u2028\"");
}

TEST(DumpText, EveryTypeHasAName) {
  for (int type = 1; type <= 7; ++type)
    EXPECT_EQ(type_of_dump_name(dump_name_of(static_cast<FileType>(type))).value(), static_cast<FileType>(type));
  EXPECT_EQ(type_of_dump_name("door").code(), Code::kDamaged);
}

}  // namespace
}  // namespace headrace::meta
