// SPDX-License-Identifier: Apache-2.0
// The conformance suite: single requests.
#include "object/testing/conformance.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"

namespace headrace::object {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

StoreConformance::StoreConformance() : seed_(test_seed()), rng_(seed_), subject_(GetParam().make()) {
  RecordProperty("seed", std::to_string(seed_));
  scope_.deadline = scheduler_.clock().now() + std::chrono::seconds(120);
}

void StoreConformance::put(const std::string& key, const std::string& bytes) {
  const ByteSpan part = bytes_of(bytes);
  const Result<void> done = store().put(scope_, key, std::span(&part, 1));
  ASSERT_TRUE(done) << key << ": " << done.error().text();
}

std::string StoreConformance::get(const std::string& key) {
  const Result<ObjectInfo> info = store().head(scope_, key);
  if (!info) return "head: " + info.error().text();
  std::string bytes(info->size + 1, '?');
  const Result<GetResult> got = store().get(scope_, key, 0, std::as_writable_bytes(std::span(bytes)));
  if (!got) return "get: " + got.error().text();
  EXPECT_EQ(got->object_size, info->size);
  EXPECT_EQ(got->bytes, info->size);
  bytes.resize(got->bytes);
  return bytes;
}

std::string StoreConformance::sealed_bytes(std::size_t size) {
  std::string body(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = rng_.next();
    std::memcpy(body.data() + i, &word, std::min<std::size_t>(8, size - i));
  }
  std::string bytes;
  append_big_endian(bytes, static_cast<std::uint64_t>(size));
  append_big_endian(bytes, crc32c(bytes_of(body)));
  return bytes + body;
}

bool StoreConformance::is_sealed(const std::string& bytes) {
  if (bytes.size() < 12) return false;
  const auto size = load_big_endian<std::uint64_t>(bytes.data());
  return size == bytes.size() - 12 &&
         load_big_endian<std::uint32_t>(bytes.data() + 8) == crc32c(bytes_of(bytes).subspan(12));
}

namespace {

TEST_P(StoreConformance, AnObjectReadsBackAsItWasPut) {
  for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 1u << 20, (4u << 20) + 1}) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(rng_.next());
    put("round/trip", bytes);
    EXPECT_EQ(get("round/trip"), bytes) << size << " bytes, seed " << seed_;
  }
}

TEST_P(StoreConformance, PartsStandOneBehindTheOther) {
  const std::string one = "one,", three(100'000, '3');
  const std::vector<ByteSpan> parts = {bytes_of(one), ByteSpan(), bytes_of(three), bytes_of(one)};
  ASSERT_TRUE(store().put(scope_, "parts", parts));
  EXPECT_EQ(get("parts"), one + three + one);
  ASSERT_TRUE(store().put(scope_, "no parts", {}));
  EXPECT_EQ(get("no parts"), "");
}

TEST_P(StoreConformance, AMissingObjectIsNotFound) {
  std::byte buffer[4];
  put("a/b", "x");
  for (const char* key : {"missing", "a", "a/c", "a/b/c", "missing/deeper/still"}) {
    const auto got = store().get(scope_, key, 0, buffer);
    ASSERT_FALSE(got) << key;
    EXPECT_EQ(got.code(), Code::kNotFound) << key << ": " << got.error().text();
    const auto info = store().head(scope_, key);
    ASSERT_FALSE(info) << key;
    EXPECT_EQ(info.code(), Code::kNotFound) << key << ": " << info.error().text();
  }
}

TEST_P(StoreConformance, ARangeIsExactlyTheBytesAskedFor) {
  const std::string bytes = sealed_bytes(100'000);
  put("ranges", bytes);
  for (int i = 0; i < 200; ++i) {
    const std::size_t offset = rng_.below(bytes.size() + 1000), wanted = 1 + rng_.below(50'000);
    std::string into(wanted, '\x55');
    const auto got = store().get(scope_, "ranges", offset, std::as_writable_bytes(std::span(into)));
    ASSERT_TRUE(got) << got.error().text();
    const std::size_t expected = offset >= bytes.size() ? 0 : std::min(wanted, bytes.size() - offset);
    ASSERT_EQ(got->bytes, expected) << "offset " << offset << ", " << wanted << " wanted, seed " << seed_;
    EXPECT_EQ(got->object_size, bytes.size());
    ASSERT_EQ(into.substr(0, expected), bytes.substr(std::min(offset, bytes.size()), expected)) << "seed " << seed_;
    EXPECT_EQ(into.find_first_not_of('\x55', expected), std::string::npos)
        << "bytes beyond the answer were touched, seed " << seed_;
  }
}

TEST_P(StoreConformance, BeyondTheEndThereIsNothing) {
  put("short", "12345");
  put("empty", "");
  std::byte buffer[8];
  for (const std::uint64_t offset : {5ull, 6ull, 1ull << 40, (1ull << 62) + 1}) {
    const auto got = store().get(scope_, "short", offset, buffer);
    ASSERT_TRUE(got) << got.error().text();
    EXPECT_EQ(got->bytes, 0u);
    EXPECT_EQ(got->object_size, 5u);
  }
  const auto empty = store().get(scope_, "empty", 0, buffer);
  ASSERT_TRUE(empty) << empty.error().text();
  EXPECT_EQ(empty->bytes, 0u);
  EXPECT_EQ(empty->object_size, 0u);
}

TEST_P(StoreConformance, APutReplacesTheWholeObject) {
  put("key", std::string(100'000, 'a'));
  const std::string first = store().head(scope_, "key").value().etag;
  put("key", "b");
  EXPECT_EQ(get("key"), "b");
  const std::string second = store().head(scope_, "key").value().etag;
  EXPECT_NE(second, first);
  put("key", "c");
  EXPECT_NE(store().head(scope_, "key").value().etag, second) << "same size, other bytes";
}

TEST_P(StoreConformance, GetHeadAndListAgree) {
  const std::string bytes = sealed_bytes(5000);
  put("agree/on/this", bytes);
  const ObjectInfo info = store().head(scope_, "agree/on/this").value();
  EXPECT_EQ(info.key, "agree/on/this");
  EXPECT_EQ(info.size, bytes.size());
  EXPECT_GT(info.modified.seconds, 1'500'000'000);
  EXPECT_FALSE(info.etag.empty());
  if (info.crc32c) EXPECT_EQ(*info.crc32c, crc32c(bytes_of(bytes)));
  const ListPage page = store().list(scope_, "", "", 10).value();
  ASSERT_EQ(page.objects.size(), 1u);
  EXPECT_EQ(page.objects[0].key, info.key);
  EXPECT_EQ(page.objects[0].size, info.size);
  EXPECT_EQ(page.objects[0].etag, info.etag);
  std::byte byte;
  EXPECT_EQ(store().get(scope_, info.key, 7, std::span(&byte, 1)).value().etag, info.etag);
}

TEST_P(StoreConformance, OddKeysAreKeysLikeAnyOther) {
  std::vector<std::string> odd = {"with space",
                                  "%2F",
                                  "a+b",
                                  "a&b=c?d#e",
                                  "q'uote\"s",
                                  "back\\slash",
                                  "tab\there",
                                  "new\nline",
                                  "\x01",
                                  "ünïcödé/日本語",
                                  "...",
                                  "..a",
                                  "a..",
                                  "dir/.hidden",
                                  "~",
                                  "*",
                                  std::string(255, 'n')};
  std::string longest;
  while (longest.size() + 101 <= subject_->key_bytes_max()) longest += std::string(100, 'l') + "/";
  longest.append(subject_->key_bytes_max() - longest.size(), 'e');
  odd.push_back(longest);
  if (subject_->takes_any_bytes()) odd.push_back("not utf-8: \xff\xfe");
  if (subject_->takes_flat_keys()) odd.insert(odd.end(), {"f", "f/b", "f//b", "f/", std::string(1000, 'c')});
  for (const std::string& key : odd) put(key, "bytes of " + key);
  for (const std::string& key : odd) EXPECT_EQ(get(key), "bytes of " + key);
  std::sort(odd.begin(), odd.end());
  EXPECT_EQ(keys(), odd);
  ASSERT_TRUE(store().remove(scope_, odd));
  EXPECT_EQ(keys(), std::vector<std::string>());
}

TEST_P(StoreConformance, KeysThatCouldEscapeOrMeanNothingAreRefused) {
  put("a", "x");
  const ByteSpan part = bytes_of("bad");
  std::byte buffer[4];
  for (const std::string& key : {std::string(), std::string(1025, 'k'), std::string("a\0b", 3), std::string("/etc"),
                                 std::string("."), std::string(".."), std::string("../up"), std::string("x/../../up"),
                                 std::string("x/./y"), std::string("x/..")}) {
    EXPECT_EQ(store().put(scope_, key, std::span(&part, 1)).error().code, Code::kInvalid) << key;
    EXPECT_EQ(store().get(scope_, key, 0, buffer).error().code, Code::kInvalid) << key;
    EXPECT_EQ(store().head(scope_, key).error().code, Code::kInvalid) << key;
    EXPECT_EQ(store().remove(scope_, std::span(&key, 1)).error().code, Code::kInvalid) << key;
  }
  EXPECT_EQ(keys(), std::vector<std::string>{"a"});
}

TEST_P(StoreConformance, RemovingForgetsAndMayBeRepeated) {
  std::vector<std::string> all;
  for (int i = 0; i < 1200; ++i) all.push_back("many/" + std::to_string(i));
  for (const std::string& key : all) put(key, "x");
  put("stays", "y");
  std::vector<std::string> doomed = all;
  doomed.push_back("never/was");
  ASSERT_TRUE(store().remove(scope_, doomed));
  EXPECT_EQ(keys(), std::vector<std::string>{"stays"});
  EXPECT_TRUE(store().remove(scope_, doomed));
  EXPECT_TRUE(store().remove(scope_, {}));
}

TEST_P(StoreConformance, ADamagedObjectIsSaidToBeDamaged) {
  put("hurt", sealed_bytes(10'000));
  if (!subject_->damage("hurt")) GTEST_SKIP() << "this store cannot be damaged from here, or keeps no checksum";
  std::string into(20'000, '\0');
  const auto got = store().get(scope_, "hurt", 0, std::as_writable_bytes(std::span(into)));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.code(), Code::kDamaged) << got.error().text();
}

TEST_P(StoreConformance, ARequestOutOfTimeOrStoppedDoesNothing) {
  put("there", "x");
  std::stop_source stopped;
  stopped.request_stop();
  const Scope late{scheduler_.clock().now() - std::chrono::seconds(1), {}}, over{Moment::max(), stopped.get_token()};
  const std::string key = "there";
  const ByteSpan part = bytes_of("new");
  std::byte buffer[4];
  for (const auto& [scope, code] : {std::pair(late, Code::kTimedOut), std::pair(over, Code::kInterrupted)}) {
    EXPECT_EQ(store().put(scope, key, std::span(&part, 1)).error().code, code);
    EXPECT_EQ(store().get(scope, key, 0, buffer).error().code, code);
    EXPECT_EQ(store().head(scope, key).error().code, code);
    EXPECT_EQ(store().remove(scope, std::span(&key, 1)).error().code, code);
    EXPECT_EQ(store().list(scope, "", "", 10).error().code, code);
  }
  EXPECT_EQ(get(key), "x");
}

TEST_P(StoreConformance, AStoreSaysWhatItIs) {
  EXPECT_FALSE(store().traits().scheme.empty());
  EXPECT_FALSE(store().traits().location.empty());
}

}  // namespace
}  // namespace headrace::object
