// SPDX-License-Identifier: Apache-2.0
// Choosing a bucket by hash, and merging listings.
#include "object/sharded_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "object/key.h"

namespace headrace::object {
namespace {

StoreTraits traits_of(const std::vector<ObjectStore*>& shards) {
  CHECK(!shards.empty());
  StoreTraits traits = shards.front()->traits();
  for (const ObjectStore* shard : shards) traits.is_durable = traits.is_durable && shard->traits().is_durable;
  if (shards.size() > 1) traits.location = fmt::format("{} and {} more", traits.location, shards.size() - 1);
  return traits;
}

}  // namespace

std::uint32_t fnv1a(std::string_view text) {
  std::uint32_t hash = 0x811C9DC5u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193u;
  return hash;
}

ShardedStore::ShardedStore(std::vector<ObjectStore*> shards)
    : shards_(std::move(shards)), traits_(traits_of(shards_)) {}

Result<GetResult> ShardedStore::get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                    MutableByteSpan into) {
  return shards_[shard_of(key)]->get(scope, key, offset, into);
}

Result<void> ShardedStore::put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) {
  return shards_[shard_of(key)]->put(scope, key, parts);
}

Result<ObjectInfo> ShardedStore::head(const Scope& scope, std::string_view key) {
  return shards_[shard_of(key)]->head(scope, key);
}

Result<void> ShardedStore::remove(const Scope& scope, std::span<const std::string> keys) {
  for (const std::string& key : keys) TRY_OK(check_key(key));  // all or none, whatever bucket they are in
  std::vector<std::vector<std::string>> by_shard(shards_.size());
  for (const std::string& key : keys) by_shard[shard_of(key)].push_back(key);
  Result<void> first;
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    if (by_shard[shard].empty() && !keys.empty()) continue;
    Result<void> removed = shards_[shard]->remove(scope, by_shard[shard]);
    if (first && !removed) first = std::move(removed);
  }
  return first;
}

Result<ListPage> ShardedStore::list(const Scope& scope, std::string_view prefix, std::string_view after,
                                    std::size_t limit) {
  ListPage page;
  for (ObjectStore* shard : shards_) {
    TRY(ListPage more, shard->list(scope, prefix, after, limit));
    page.is_last = page.is_last && more.is_last;
    page.objects.insert(page.objects.end(), std::make_move_iterator(more.objects.begin()),
                        std::make_move_iterator(more.objects.end()));
  }
  std::ranges::sort(page.objects, {}, &ObjectInfo::key);
  // A bucket that has more has given `limit` objects already: what it kept back comes after the first `limit` of all.
  if (page.objects.size() > limit) {
    page.objects.resize(limit);
    page.is_last = false;
  }
  return page;
}

}  // namespace headrace::object
