// SPDX-License-Identifier: Apache-2.0
// The conformance suite: listings, and many requests at the same time.
#include "object/testing/conformance.h"

#include <atomic>
#include <set>
#include <thread>

namespace headrace::object {

// Defined here and not in conformance.cc: a linker takes a file out of a library only when a name in it is needed.
std::vector<std::string> StoreConformance::keys(const std::string& prefix, const std::string& after,
                                                std::size_t limit) {
  std::vector<std::string> found;
  std::string last = after;
  while (true) {
    const Result<ListPage> page = store().list(scope_, prefix, last, limit);
    if (!page) {
      ADD_FAILURE() << "list: " << page.error().text();
      return found;
    }
    EXPECT_LE(page->objects.size(), limit);
    for (const ObjectInfo& object : page->objects) found.push_back(object.key);
    if (page->is_last) return found;
    if (page->objects.empty()) {
      ADD_FAILURE() << "an empty page that is not the last";
      return found;
    }
    last = found.back();
  }
}

namespace {

using Keys = std::vector<std::string>;

TEST_P(StoreConformance, AListingIsInTheOrderOfKeyBytes) {
  // '-' (2D) < '.' (2E) < '/' (2F) < '0' (30): a directory's entries stand among its neighbours by their full key.
  const Keys ordered = {"a-b", "a.b", "a/-", "a/x/1", "a/x/2", "a/x0", "a/y", "a0", "aa/z", "b"};
  for (const std::size_t i : {5u, 2u, 9u, 0u, 7u, 3u, 1u, 8u, 6u, 4u}) put(ordered[i], "x");
  for (const std::size_t limit : {1u, 2u, 3u, 7u, 10u, 11u, 1000u})
    EXPECT_EQ(keys("", "", limit), ordered) << "limit " << limit;
}

TEST_P(StoreConformance, AListingKeepsToItsPrefixAndBeginsAfterItsStart) {
  for (const char* key : {"a-b", "a/1", "a/2", "a/2/3-", "b"}) {
    if (std::string_view(key) == "a/2" && !subject_->takes_flat_keys()) continue;
    put(key, "x");
  }
  EXPECT_EQ(keys("b"), Keys{"b"});
  EXPECT_EQ(keys("a/1"), Keys{"a/1"});
  EXPECT_EQ(keys("a/2/"), Keys{"a/2/3-"});
  EXPECT_EQ(keys("a/2/3-x"), Keys{});
  EXPECT_EQ(keys("nothing/here/"), Keys{});
  EXPECT_EQ(keys("c"), Keys{});
  EXPECT_EQ(keys("", "a/2/3-"), Keys{"b"});
  EXPECT_EQ(keys("", "a/2/3"), (Keys{"a/2/3-", "b"}));
  EXPECT_EQ(keys("", "a-"), keys("")) << "a start that is no key";
  EXPECT_EQ(keys("", "b"), Keys{});
  EXPECT_EQ(keys("a", "0"), keys("a")) << "a start before the prefix";
  EXPECT_EQ(keys("a", "c"), Keys{}) << "a start behind the prefix";
  EXPECT_EQ(keys("a/", "a/1"), subject_->takes_flat_keys() ? (Keys{"a/2", "a/2/3-"}) : Keys{"a/2/3-"});
  EXPECT_EQ(keys("../"), Keys{});
  EXPECT_EQ(keys("/"), Keys{});
}

TEST_P(StoreConformance, AListingOfAnyPrefixStartAndLimitIsWhatASortedSetSays) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  const Keys words = {"a", "a-", "a.b", "b", "b b", "z", "0"};
  std::set<std::string> model;
  for (int i = 0; i < 120; ++i) {
    // Files end in ".f", directories do not, so that no key is another one's directory.
    std::string key;
    for (std::size_t depth = rng_.below(4); depth > 0; --depth) key += words[rng_.below(words.size())] + "/";
    key += words[rng_.below(words.size())] + ".f";
    put(key, "x");
    model.insert(key);
  }
  const Keys all(model.begin(), model.end());
  const auto piece = [&] {
    const std::string& key = all[rng_.below(all.size())];
    std::string text = key.substr(0, rng_.below(key.size() + 1));
    if (rng_.below(4) == 0) text += static_cast<char>(' ' + rng_.below(90));
    return text;
  };
  for (int i = 0; i < 300; ++i) {
    const std::string prefix = rng_.below(3) == 0 ? "" : piece(), after = rng_.below(3) == 0 ? "" : piece();
    Keys expected;
    for (const std::string& key : all) {
      if (key.starts_with(prefix) && key > after) expected.push_back(key);
    }
    ASSERT_EQ(keys(prefix, after, 1 + rng_.below(40)), expected)
        << "prefix '" << prefix << "', after '" << after << "'";
  }
}

TEST_P(StoreConformance, APageAfterAPutShowsIt) {
  for (const char* key : {"d/1", "d/3", "d/5", "e"}) put(key, "x");
  EXPECT_EQ(store().list(scope_, "", "", 1).value().objects[0].key, "d/1");
  put("d/4", "x");
  ASSERT_TRUE(store().remove(scope_, Keys{"d/3"}));
  EXPECT_EQ(keys("", "d/1", 1), (Keys{"d/4", "d/5", "e"}));
}

TEST_P(StoreConformance, ALimitThatCannotBeMetIsRefused) {
  EXPECT_EQ(store().list(scope_, "", "", 0).error().code, Code::kInvalid);
  EXPECT_EQ(store().list(scope_, "", "", 10'001).error().code, Code::kInvalid);
  EXPECT_TRUE(store().list(scope_, "", "", 10'000));
}

TEST_P(StoreConformance, WhoReadsWhileOthersReplaceSeesOneVersionOrTheOther) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  Keys versions;
  for (int i = 0; i < 8; ++i) versions.push_back(sealed_bytes(10'000 + rng_.below(100'000)));
  put("hot", versions[0]);
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0}, reads{0};
  {
    std::vector<std::jthread> threads;
    for (int reader = 0; reader < 2; ++reader) {
      threads.emplace_back([&] {
        std::string into(200'000, '\0');
        while (!is_over) {
          const auto got = store().get(scope_, "hot", 0, std::as_writable_bytes(std::span(into)));
          if (!got || !is_sealed(into.substr(0, got->bytes))) ++wrong;
          ++reads;
        }
      });
    }
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 3; ++writer) {
      writers.emplace_back([&, writer] {
        for (int i = 0; i < 40; ++i) {
          const ByteSpan part = bytes_of(versions[static_cast<std::size_t>(writer * 3 + i) % versions.size()]);
          if (!store().put(scope_, "hot", std::span(&part, 1))) ++wrong;
        }
      });
    }
    writers.clear();
    is_over = true;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(reads, 0);
  EXPECT_TRUE(is_sealed(get("hot")));
  EXPECT_EQ(keys(), Keys{"hot"}) << "nothing is left behind";
}

TEST_P(StoreConformance, ManyPutsAtOnceAreAllThere) {
  std::atomic<int> failed{0};
  std::set<std::string> expected;
  for (int i = 0; i < 200; ++i) expected.insert("dir" + std::to_string(i % 7) + "/sub/" + std::to_string(i));
  const Keys all(expected.begin(), expected.end());
  {
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        for (std::size_t i = thread; i < all.size(); i += 8) {
          const ByteSpan part = bytes_of(all[i]);
          if (!store().put(scope_, all[i], std::span(&part, 1))) ++failed;
        }
      });
    }
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(keys("", "", 33), all);
  for (const std::string& key : all) EXPECT_EQ(get(key), key);
}

}  // namespace
}  // namespace headrace::object
