// SPDX-License-Identifier: Apache-2.0
// Puts the prefix on, takes it off.
#include "object/prefixed_store.h"

#include "object/key.h"

namespace headrace::object {
namespace {

StoreTraits with_prefix(StoreTraits traits, const std::string& prefix) {
  if (!traits.location.ends_with('/')) traits.location += '/';
  traits.location += prefix;
  return traits;
}

}  // namespace

PrefixedStore::PrefixedStore(ObjectStore& inner, std::string prefix)
    : inner_(inner), prefix_(std::move(prefix)), traits_(with_prefix(inner.traits(), prefix_)) {}

Result<std::string> PrefixedStore::whole(std::string_view key) const {
  TRY_OK(check_key(key));  // by itself: behind a prefix, "/x" or "" would be a good key
  return prefix_ + std::string(key);
}

Result<GetResult> PrefixedStore::get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                     MutableByteSpan into) {
  TRY(const std::string key_below, whole(key));
  return inner_.get(scope, key_below, offset, into);
}

Result<void> PrefixedStore::put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) {
  TRY(const std::string key_below, whole(key));
  return inner_.put(scope, key_below, parts);
}

Result<ObjectInfo> PrefixedStore::head(const Scope& scope, std::string_view key) {
  TRY(const std::string key_below, whole(key));
  TRY(ObjectInfo info, inner_.head(scope, key_below));
  info.key = key;
  return info;
}

Result<void> PrefixedStore::remove(const Scope& scope, std::span<const std::string> keys) {
  std::vector<std::string> keys_below;
  keys_below.reserve(keys.size());
  for (const std::string& key : keys) {
    TRY(std::string key_below, whole(key));
    keys_below.push_back(std::move(key_below));
  }
  return inner_.remove(scope, keys_below);
}

Result<ListPage> PrefixedStore::list(const Scope& scope, std::string_view prefix, std::string_view after,
                                     std::size_t limit) {
  const std::string start = after.empty() ? prefix_ : prefix_ + std::string(after);
  TRY(ListPage page, inner_.list(scope, prefix_ + std::string(prefix), start, limit));
  for (ObjectInfo& object : page.objects) object.key.erase(0, prefix_.size());
  return page;
}

}  // namespace headrace::object
