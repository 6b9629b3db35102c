// SPDX-License-Identifier: Apache-2.0
#include "block/node_tier.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "block/arena.h"
#include "object/testing/temporary_directory.h"
#include "object/testing/test_seed.h"

namespace headrace::block {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kMax = 64 * kMiB;

std::string bytes_like(char first, std::uint64_t size) {
  std::string bytes(size, first);
  for (std::uint64_t i = 0; i < size; i += 997)
    bytes[i] = static_cast<char>(i / 997 + static_cast<unsigned char>(first));
  return bytes;
}

/// Each kind of place must hold the promises.
struct Place {
  std::string name;
  bool may_mount = false, has_directory = false;
};

class NodeTierTest : public testing::TestWithParam<Place> {
 protected:
  NodeTierTest() {
    NodeTierOptions options;
    options.bytes_max = kMax;
    options.may_mount = GetParam().may_mount;
    if (GetParam().has_directory) options.fallback_directory = directory_.path();
    tier_ = new_node_tier(log_, options);
  }
  void fill(NodeFile& file, const std::string& bytes) {
    for (std::uint64_t at = 0; at < bytes.size(); at += kFillUnit) {
      const Result<void> filled =
          file.fill(at, bytes_of(bytes).subspan(at, std::min<std::uint64_t>(kFillUnit, bytes.size() - at)));
      ASSERT_TRUE(filled) << filled.error().text();
    }
  }
  std::shared_ptr<NodeFile> make(const std::string& name, std::uint64_t length) {
    auto file = tier_->find_or_create({name, length});
    EXPECT_TRUE(file) << file.error().text();
    if (file) fill(**file, bytes_like(name[0], length));
    return file ? *file : nullptr;
  }
  static std::string read(const NodeFile& file, std::uint64_t offset, std::uint64_t length) {
    std::string bytes(length, '\0');
    const Result<void> read = file.read(offset, std::as_writable_bytes(std::span(bytes)));
    return read ? bytes : read.error().text();
  }
  Result<std::string> read_block(const BlockKey& key, std::uint32_t offset, std::uint32_t length) {
    std::string bytes(length, '\0');
    TRY_OK(tier_->read_block(key, offset, std::as_writable_bytes(std::span(bytes))));
    return bytes;
  }
  void put_block(const BlockKey& key) {
    tier_->put_block(key, bytes_of(bytes_like(static_cast<char>(key.slice.value()), key.size)));
  }
  bool has_block(const BlockKey& key) { return read_block(key, 0, 1).has_value(); }

  Log log_{STDERR_FILENO, LogLevel::kError};
  object::TemporaryDirectory directory_;
  std::unique_ptr<NodeTier> tier_;
};

constexpr BlockKey block(std::uint64_t slice, std::uint32_t size = 4 * kMiB) { return {SliceId{slice}, 0, size}; }

TEST_P(NodeTierTest, ACopyIsFilledUnitByUnitAndCompletedByTheLast) {
  const std::uint64_t length = 2 * kFillUnit + 5000;
  const std::string bytes = bytes_like('a', length);
  const auto file = tier_->find_or_create({"a", length}).value();
  EXPECT_FALSE(file->is_complete());
  EXPECT_FALSE(file->has(0, 1));
  ASSERT_TRUE(file->fill(2 * kFillUnit, bytes_of(bytes).subspan(2 * kFillUnit)));
  ASSERT_TRUE(file->fill(0, bytes_of(bytes).first(kFillUnit)));
  EXPECT_TRUE(file->has(0, kFillUnit));
  EXPECT_FALSE(file->has(kFillUnit - 1, 2)) << "the middle is absent";
  EXPECT_TRUE(file->has(2 * kFillUnit, 5000));
  EXPECT_FALSE(file->has(2 * kFillUnit, 5001)) << "beyond the end";
  std::byte byte;
  EXPECT_EQ(file->read(kFillUnit, std::span(&byte, 1)).error().code, Code::kNotFound);
  EXPECT_EQ(read(*file, 100, 1000), bytes.substr(100, 1000));
  EXPECT_FALSE(file->is_complete());
  ASSERT_TRUE(file->fill(kFillUnit, bytes_of(bytes).subspan(kFillUnit, kFillUnit)));
  EXPECT_TRUE(file->is_complete());
  EXPECT_EQ(read(*file, 0, length), bytes);
  EXPECT_EQ(tier_->find({"a", length}), file);
  struct stat status{};
  ASSERT_EQ(::fstat(file->descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), length);
}

TEST_P(NodeTierTest, FillingWhatIsPresentChangesNothing) {
  const auto file = make("a", 3 * kMiB);
  const std::string other(kFillUnit, '!');
  EXPECT_TRUE(file->fill(0, bytes_of(other)));
  EXPECT_EQ(read(*file, 0, 3 * kMiB), bytes_like('a', 3 * kMiB));
}

TEST_P(NodeTierTest, AnEmptyFileIsCompleteFromTheStart) {
  const auto file = tier_->find_or_create({"empty", 0}).value();
  EXPECT_TRUE(file->is_complete());
  EXPECT_TRUE(file->has(0, 0));
  EXPECT_FALSE(file->has(0, 1));
  EXPECT_GE(file->descriptor(), 0);
}

TEST_P(NodeTierTest, ShortCopiesComeInOnePieceAndAreChecked) {
  const auto file = make("short", 100'000);
  EXPECT_TRUE(file->is_complete());
  EXPECT_EQ(read(*file, 0, 100'000), bytes_like('s', 100'000));
  EXPECT_EQ(read(*file, 99'999, 1), bytes_like('s', 100'000).substr(99'999));
  std::byte byte;
  EXPECT_EQ(file->read(100'000, std::span(&byte, 1)).error().code, Code::kNotFound);
}

TEST_P(NodeTierTest, EqualKeysAreOneCopy) {
  const auto one = tier_->find_or_create({"a", 2 * kMiB}).value(), two = tier_->find_or_create({"a", 2 * kMiB}).value();
  EXPECT_EQ(one, two);
  EXPECT_NE(one, tier_->find_or_create({"a", 2 * kMiB + 1}).value());
  EXPECT_EQ(tier_->stats().files, 2u);
}

TEST_P(NodeTierTest, RoomIsReservedBeforeFillingAndGivenBackAfterTheLastReference) {
  auto file = tier_->find_or_create({"a", 10 * kMiB + 1}).value();
  EXPECT_EQ(tier_->stats().used_bytes, 10 * kMiB + 4096);
  EXPECT_EQ(tier_->stats().pinned_bytes, 10 * kMiB + 4096);
  tier_->forget({"a", 10 * kMiB + 1});
  EXPECT_EQ(tier_->find({"a", 10 * kMiB + 1}), nullptr);
  EXPECT_EQ(tier_->stats().files, 0u);
  EXPECT_EQ(tier_->stats().pinned_bytes, 10 * kMiB + 4096) << "out of the index, and still there";
  file.reset();
  EXPECT_EQ(tier_->stats().used_bytes, 0u);
  EXPECT_EQ(tier_->stats().pinned_bytes, 0u);
}

TEST_P(NodeTierTest, TheLeastRecentlyUsedGoesFirstAndWhatIsReferredToStays) {
  for (const char* name : {"a", "b", "c", "d"}) make(name, 15 * kMiB);
  const auto held = tier_->find({"b", 15 * kMiB});
  EXPECT_NE(tier_->find({"a", 15 * kMiB}), nullptr);  // c is now the oldest that nobody holds
  make("e", 15 * kMiB);
  EXPECT_EQ(tier_->find({"c", 15 * kMiB}), nullptr);
  EXPECT_NE(tier_->find({"a", 15 * kMiB}), nullptr);
  EXPECT_NE(tier_->find({"d", 15 * kMiB}), nullptr);
  EXPECT_EQ(tier_->stats().evictions, 1u);
  EXPECT_EQ(tier_->stats().pinned_bytes, 15 * kMiB);
  make("f", 45 * kMiB);
  EXPECT_EQ(tier_->stats().files, 2u) << "only b and f";
  EXPECT_EQ(read(*held, 0, 15 * kMiB), bytes_like('b', 15 * kMiB));
  EXPECT_EQ(tier_->find_or_create({"g", 60 * kMiB}).error().code, Code::kNoSpace) << "b may not go";
  EXPECT_EQ(tier_->find_or_create({"h", kMax + 1}).error().code, Code::kNoSpace);
  EXPECT_EQ(tier_->find({"b", 15 * kMiB}), held);
}

TEST_P(NodeTierTest, ADescriptorKeepsItsBytesWhateverHappensToTheTier) {
  auto file = make("a", 20 * kMiB);
  const UniqueFd kernel(::fcntl(file->descriptor(), F_DUPFD_CLOEXEC, 0));  // what a backing file is to the kernel
  void* mapping = ::mmap(nullptr, 20 * kMiB, PROT_READ, MAP_SHARED, kernel.get(), 0);
  ASSERT_NE(mapping, MAP_FAILED);
  file.reset();
  for (const char* name : {"b", "c", "d", "e", "f"}) make(name, 30 * kMiB);
  ASSERT_EQ(tier_->find({"a", 20 * kMiB}), nullptr);
  EXPECT_EQ(std::string_view(static_cast<const char*>(mapping), 20 * kMiB), bytes_like('a', 20 * kMiB));
  ::munmap(mapping, 20 * kMiB);
}

TEST_P(NodeTierTest, BlocksComeBackWholeAndInParts) {
  const BlockKey key{SliceId{7}, 3, 4 * kMiB - 100};
  EXPECT_FALSE(read_block(key, 0, 1));
  put_block(key);
  const std::string bytes = bytes_like(7, key.size);
  EXPECT_EQ(read_block(key, 0, key.size).value(), bytes);
  EXPECT_EQ(read_block(key, 100'001, 70'000).value(), bytes.substr(100'001, 70'000));
  EXPECT_EQ(read_block(key, key.size, 0).value(), "");
  EXPECT_FALSE(read_block(key, key.size, 1)) << "outside of the block";
  EXPECT_FALSE(read_block({SliceId{7}, 3, 4 * kMiB}, 0, 1)) << "another block";
  EXPECT_EQ(tier_->stats().blocks, 1u);
  put_block(key);
  EXPECT_EQ(tier_->stats().blocks, 1u);
}

TEST_P(NodeTierTest, NewBlocksPushOutOldOnes) {
  for (std::uint64_t slice = 1; slice <= 40; ++slice) {
    put_block(block(slice));
    EXPECT_TRUE(has_block(block(1))) << "the one that is always used";
  }
  EXPECT_TRUE(has_block(block(40)));
  EXPECT_FALSE(has_block(block(2)));
  EXPECT_EQ(tier_->stats().blocks, kMax / (4 * kMiB));
  EXPECT_LE(tier_->stats().used_bytes, kMax);
}

TEST_P(NodeTierTest, BlocksMakeRoomForFilesAndFilesThatNobodyUsesForBlocks) {
  for (std::uint64_t slice = 1; slice <= 16; ++slice) put_block(block(slice));
  make("a", 40 * kMiB);
  EXPECT_LE(tier_->stats().used_bytes, kMax);
  EXPECT_TRUE(has_block(block(16)));
  EXPECT_FALSE(has_block(block(1)));
  const auto held = make("b", 20 * kMiB);
  for (std::uint64_t slice = 21; slice <= 60; ++slice) put_block(block(slice));
  EXPECT_EQ(tier_->find({"a", 40 * kMiB}), nullptr);
  EXPECT_EQ(tier_->find({"b", 20 * kMiB}), held);
  EXPECT_EQ(read(*held, 0, 20 * kMiB), bytes_like('b', 20 * kMiB));
}

TEST_P(NodeTierTest, ABlockThatCannotBeKeptIsNotKept) {
  const auto held = make("a", kMax - 2 * kMiB);
  put_block(block(1));
  EXPECT_FALSE(has_block(block(1)));
  put_block(block(2, 100'000));
  EXPECT_TRUE(has_block(block(2, 100'000)));
}

TEST_P(NodeTierTest, ShrinkingGivesBackWhatNobodyUses) {
  const auto held = make("a", 10 * kMiB);
  make("b", 10 * kMiB);
  for (std::uint64_t slice = 1; slice <= 5; ++slice) put_block(block(slice));
  EXPECT_GE(tier_->shrink(5 * kMiB), 5 * kMiB);
  EXPECT_EQ(tier_->find({"b", 10 * kMiB}), nullptr);
  EXPECT_TRUE(has_block(block(1)));
  EXPECT_EQ(tier_->shrink(kMax), 20 * kMiB);
  EXPECT_EQ(tier_->stats().used_bytes, 10 * kMiB);
  EXPECT_EQ(tier_->find({"a", 10 * kMiB}), held);
  EXPECT_EQ(tier_->shrink(kMax), 0u);
}

TEST_P(NodeTierTest, AFilledUnitThatIsTakenOverByAWriterIsNeverFilledAgain) {
  const auto file = make("a", 2 * kFillUnit);
  tier_->forget(file->key());
  ASSERT_TRUE(file->write_through(10, bytes_of("written")));
  EXPECT_TRUE(file->fill(0, bytes_of(bytes_like('a', kFillUnit))));
  EXPECT_EQ(read(*file, 10, 7), "written");
}

TEST_P(NodeTierTest, AWriterMayGrowAndCutItsCopyWithinTheRoom) {
  make("other", 30 * kMiB);
  const auto file = make("a", 2 * kMiB);
  tier_->forget(file->key());
  ASSERT_TRUE(file->write_through(40 * kMiB, bytes_of("end")));
  EXPECT_EQ(tier_->stats().used_bytes, 40 * kMiB + 4096) << "the other one made room";
  EXPECT_EQ(tier_->stats().pinned_bytes, 40 * kMiB + 4096);
  EXPECT_EQ(read(*file, 40 * kMiB, 3), "end");
  EXPECT_EQ(read(*file, 2 * kMiB, 3), std::string(3, '\0'));
  EXPECT_EQ(file->write_through(kMax, bytes_of("beyond")).error().code, Code::kNoSpace);
  ASSERT_TRUE(file->truncate_through(5));
  EXPECT_EQ(tier_->stats().used_bytes, 4096u);
  EXPECT_FALSE(file->has(0, 6));
  EXPECT_EQ(read(*file, 0, 5), bytes_like('a', 5));
  ASSERT_TRUE(file->truncate_through(6));
  EXPECT_EQ(read(*file, 5, 1), std::string(1, '\0'));
}

TEST_P(NodeTierTest, FilesMayOutliveTheTier) {
  const auto file = make("a", 3 * kMiB);
  const auto small = make("b", 1000);
  tier_.reset();
  EXPECT_EQ(read(*file, 0, 3 * kMiB), bytes_like('a', 3 * kMiB));
  EXPECT_EQ(read(*small, 0, 1000), bytes_like('b', 1000));
  EXPECT_TRUE(file->write_through(0, bytes_of("x")));
}

TEST_P(NodeTierTest, HitsAndMissesAreCounted) {
  make("a", 2 * kMiB);
  put_block(block(1, 5000));
  EXPECT_NE(tier_->find({"a", 2 * kMiB}), nullptr);
  EXPECT_EQ(tier_->find({"b", 2 * kMiB}), nullptr);
  EXPECT_TRUE(has_block(block(1, 5000)));
  EXPECT_FALSE(has_block(block(2, 5000)));
  EXPECT_EQ(tier_->stats().hits, 2u);
  EXPECT_EQ(tier_->stats().misses, 2u);
  EXPECT_EQ(tier_->stats().file_hits, 1u);
  EXPECT_EQ(tier_->stats().file_misses, 1u);
}

TEST_P(NodeTierTest, BlocksThatAreKeptAndThoseThatAreNotAreCounted) {
  put_block(block(1, 5000));
  put_block(block(1, 5000));  // is here already
  EXPECT_EQ(tier_->stats().puts, 1u);
  EXPECT_EQ(tier_->stats().put_bytes, 5000u);
  EXPECT_EQ(tier_->stats().drops, 0u);
  const auto all = make("all", kMax - 2 * kMiB);  // and held
  for (std::uint64_t slice = 2; slice < 6; ++slice) put_block(block(slice, 4 * kMiB));
  EXPECT_GT(tier_->stats().drops, 0u);
}

TEST_P(NodeTierTest, AForgottenBlockIsNotHereAnyMore) {
  put_block(block(1, 5000));
  put_block(block(2, 5000));
  tier_->forget(block(1, 5000));
  tier_->forget(block(3, 5000));
  EXPECT_FALSE(has_block(block(1, 5000)));
  EXPECT_TRUE(has_block(block(2, 5000)));
  EXPECT_EQ(tier_->stats().blocks, 1u);
  EXPECT_EQ(tier_->stats().evictions, 0u) << "nobody needed the room";
}

/// The arena's descriptor, found by its size, to spoil what is in it.
int arena_descriptor() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    struct stat status{};
    if (::fstat(fd, &status) == 0 && static_cast<std::uint64_t>(status.st_size) == Arena::file_bytes_for(kMax))
      return fd;
  }
  return -1;
}

void spoil(char what) {
  const int fd = arena_descriptor();
  ASSERT_GE(fd, 0);
  std::string bytes(16 * kMiB, '\0');
  ASSERT_TRUE(pread_full(fd, std::as_writable_bytes(std::span(bytes)), 0));
  const std::size_t at = bytes.find(what);
  ASSERT_NE(at, std::string::npos);
  ASSERT_TRUE(pwrite_all(fd, bytes_of("\x7f"), at));
}

TEST_P(NodeTierTest, ADamagedBlockIsAMissAndIsGone) {
  put_block(block('z', 100'000));
  ASSERT_TRUE(has_block(block('z', 100'000)));
  spoil('z');
  EXPECT_EQ(read_block(block('z', 100'000), 0, 100'000).error().code, Code::kNotFound);
  EXPECT_EQ(tier_->stats().damaged, 1u);
  EXPECT_EQ(tier_->stats().blocks, 0u);
  put_block(block('z', 100'000));
  EXPECT_EQ(read_block(block('z', 100'000), 0, 100'000).value(), bytes_like('z', 100'000));
}

TEST_P(NodeTierTest, ADamagedShortCopyIsAMissAndIsGone) {
  const auto file = make("z", 100'000);
  spoil('z');
  std::byte byte;
  EXPECT_EQ(file->read(0, std::span(&byte, 1)).error().code, Code::kNotFound);
  EXPECT_EQ(tier_->stats().damaged, 1u);
  EXPECT_EQ(tier_->find({"z", 100'000}), nullptr);
}

TEST_P(NodeTierTest, ManyThreadsFillReadAndEvictWithoutAWrongByte) {
  const std::uint64_t seed = object::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::atomic<int> wrong{0}, right{0};
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        Rng rng(seed + thread);
        for (int i = 0; i < 150; ++i) {
          const auto first = static_cast<char>('A' + rng.below(20));
          const std::uint64_t length = first % 2 == 0 ? 3 * kMiB + 77 : 50'000;
          const std::string expected = bytes_like(first, length);
          if (rng.below(2) == 0) {
            const BlockKey key{SliceId{static_cast<std::uint64_t>(first)}, 0, static_cast<std::uint32_t>(length)};
            if (const auto got = read_block(key, 0, key.size)) ++(*got == expected ? right : wrong);
            tier_->put_block(key, bytes_of(expected));
            continue;
          }
          const auto file = tier_->find_or_create({std::string(1, first), length});
          if (!file) continue;
          for (std::uint64_t at = 0; at < length; at += kFillUnit) {
            if (!(*file)->fill(at, bytes_of(expected).subspan(at, std::min<std::uint64_t>(kFillUnit, length - at))))
              ++wrong;
          }
          if ((*file)->is_complete()) ++(read(**file, 0, length) == expected ? right : wrong);
          if (rng.below(10) == 0) tier_->forget((*file)->key());
          if (rng.below(20) == 0) tier_->shrink(rng.below(kMax));
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(right, 100);
  tier_->shrink(kMax);
  EXPECT_EQ(tier_->stats().used_bytes, 0u) << "what was taken has been given back, to the byte";
  EXPECT_EQ(tier_->stats().pinned_bytes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Place, NodeTierTest,
                         testing::Values(Place{"tmpfs", true, false}, Place{"directory", false, true},
                                         Place{"memfd", false, false}),
                         [](const auto& info) { return info.param.name; });

// How many bytes of one file lie in huge pages: what it holds (touching a hole would fill it) is mapped and touched,
// and the kernel tells how much of that mapping it did with huge pages. (The counter in /proc/meminfo is everybody's.)
std::uint64_t huge_page_bytes_of(int fd, std::size_t length) {
  void* const mapping = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd, 0);
  if (mapping == MAP_FAILED) return 0;
  for (off_t data = ::lseek(fd, 0, SEEK_DATA); data >= 0;) {
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    for (off_t at = data; at < hole; at += 4096) (void)static_cast<const volatile char*>(mapping)[at];
    data = ::lseek(fd, hole, SEEK_DATA);
  }
  std::ifstream maps("/proc/self/smaps");
  const std::string start = fmt::format("{:x}-", reinterpret_cast<std::uintptr_t>(mapping)), count = "ShmemPmdMapped:";
  std::uint64_t kib = 0;
  bool is_ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(':')) is_ours = line.starts_with(start);
    if (is_ours && line.starts_with(count)) kib = std::stoull(line.substr(count.size()));
  }
  ::munmap(mapping, length);
  return kib * 1024;
}

// Of all that this process has open on the device.
std::uint64_t huge_page_bytes(dev_t device) {
  std::uint64_t sum = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    struct stat status{};
    const int fd = std::stoi(entry.path().filename());
    if (::fstat(fd, &status) != 0 || status.st_dev != device || !S_ISREG(status.st_mode) || status.st_size == 0)
      continue;
    sum += huge_page_bytes_of(fd, static_cast<std::size_t>(status.st_size));
  }
  return sum;
}

TEST(NodeTier, CopiesLieInHugePagesWhereTheKernelGivesThem) {
  Log log(STDERR_FILENO, LogLevel::kError);
  NodeTierOptions options;
  options.bytes_max = 512 * kMiB;
  const auto tier = new_node_tier(log, options);
  if (tier->stats().place != "tmpfs with huge pages") GTEST_SKIP() << "the place is " << tier->stats().place;
  const auto file = tier->find_or_create({"a", 128 * kMiB}).value();
  const std::string unit(kFillUnit, 'x');
  for (std::uint64_t at = 0; at < 128 * kMiB; at += kFillUnit) ASSERT_TRUE(file->fill(at, bytes_of(unit)));
  struct stat status{};
  ASSERT_EQ(::fstat(file->descriptor(), &status), 0);
  const std::uint64_t with_file = huge_page_bytes(status.st_dev);
  EXPECT_GE(with_file, 64 * kMiB) << "the kernel may lack a few";
  for (std::uint64_t slice = 1; slice <= 16; ++slice)
    tier->put_block(block(slice), bytes_of(std::string(4 * kMiB, 'y')));
  EXPECT_GE(huge_page_bytes(status.st_dev), with_file + 32 * kMiB) << "the arena's slabs too";
}

TEST(NodeTier, ATierOfNothingHoldsNothing) {
  Log log(STDERR_FILENO, LogLevel::kError);
  NodeTierOptions options;
  options.bytes_max = 0;
  const auto tier = new_node_tier(log, options);
  EXPECT_EQ(tier->find_or_create({"a", 1}).error().code, Code::kNoSpace);
  EXPECT_EQ(tier->find({"a", 1}), nullptr);
  tier->put_block(block(1, 10), bytes_of("0123456789"));
  std::byte byte;
  EXPECT_EQ(tier->read_block(block(1, 10), 0, std::span(&byte, 1)).error().code, Code::kNotFound);
  EXPECT_EQ(tier->stats().place, "none");
}

}  // namespace
}  // namespace headrace::block
