// SPDX-License-Identifier: Apache-2.0
#include "block/checked_copy.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "object/testing/test_seed.h"

namespace headrace::block {
namespace {

class CheckedCopyTest : public testing::Test {
 protected:
  static UniqueFd make_file() {
    UniqueFd file(::memfd_create("arena", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(Arena::file_bytes_for(8 * kSlabBytes))), 0);
    return file;
  }
  std::string bytes_of_size(std::size_t size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(rng_.next());
    return bytes;
  }
  std::unique_ptr<CheckedCopy> copy_of(const std::string& bytes) {
    auto copy = std::make_unique<CheckedCopy>(arena_, arena_->allocate(bytes.size()).value(),
                                              static_cast<std::uint32_t>(bytes.size()));
    EXPECT_TRUE(copy->write(bytes_of(bytes)));
    return copy;
  }

  const std::uint64_t seed_ = object::test_seed();
  Rng rng_{seed_};
  std::shared_ptr<Space> space_ = std::make_shared<Space>(8 * kSlabBytes);
  std::shared_ptr<Arena> arena_ = std::make_shared<Arena>(make_file(), Arena::file_bytes_for(8 * kSlabBytes), space_);
};

TEST_F(CheckedCopyTest, AnyRangeReadsBack) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (const std::size_t size : {1u, 100u, 32767u, 32768u, 32769u, 300'000u}) {
    const std::string bytes = bytes_of_size(size);
    const auto copy = copy_of(bytes);
    for (int i = 0; i < 100; ++i) {
      const std::size_t offset = rng_.below(size + 1), count = rng_.below(size - offset + 1);
      std::string into(count, '\0');
      ASSERT_TRUE(copy->read(offset, std::as_writable_bytes(std::span(into))));
      ASSERT_EQ(into, bytes.substr(offset, count)) << size << " bytes, " << offset << "+" << count;
    }
  }
}

TEST_F(CheckedCopyTest, OneChangedByteSpoilsEveryReadOfItsPartAndNoOther) {
  const auto copy = copy_of(bytes_of_size(100'000));
  const std::string wrong = "!?";
  ASSERT_TRUE(arena_->write(copy->slot().offset + 40'000, bytes_of(wrong)));
  std::string into(100'000, '\0');
  const auto read = [&](std::size_t offset, std::size_t count) {
    return copy->read(offset, std::as_writable_bytes(std::span(into)).first(count));
  };
  EXPECT_EQ(read(0, 100'000).error().code, Code::kDamaged);
  EXPECT_EQ(read(32'768, 1).error().code, Code::kDamaged) << "another byte of the same part";
  EXPECT_EQ(read(32'768, 32'768).error().code, Code::kDamaged);
  EXPECT_EQ(read(65'535, 10).error().code, Code::kDamaged);
  EXPECT_TRUE(read(0, 32'768));
  EXPECT_TRUE(read(65'536, 34'464));
}

TEST_F(CheckedCopyTest, ItsSlotIsFreeAfterIt) {
  const std::uint64_t before = arena_->free_bytes();
  copy_of(bytes_of_size(3u << 20)).reset();
  EXPECT_EQ(arena_->free_bytes(), before + 2 * kSlabBytes);
}

}  // namespace
}  // namespace headrace::block
