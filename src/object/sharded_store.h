// SPDX-License-Identifier: Apache-2.0
// N buckets as one: an object lies in bucket FNV-1a(whole key) mod N, as JuiceFS has it (juicefs-volume-format,
// section 5.5). The volume's prefix is part of the key, so a PrefixedStore goes on top of this and not below.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "object/object_store.h"

namespace headrace::object {

/// FNV-1a, 32 bits: "" gives 0x811C9DC5.
std::uint32_t fnv1a(std::string_view text);

/// Thread-safe. At least one store, of one scheme; they outlive it.
class ShardedStore final : public ObjectStore {
 public:
  explicit ShardedStore(std::vector<ObjectStore*> shards);

  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override;
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override;
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override;
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override;
  /// Asks every bucket for a whole page, and merges.
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override;
  const StoreTraits& traits() const override { return traits_; }

 private:
  std::size_t shard_of(std::string_view key) const { return fnv1a(key) % shards_.size(); }

  const std::vector<ObjectStore*> shards_;
  const StoreTraits traits_;
};

}  // namespace headrace::object
