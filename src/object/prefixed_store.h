// SPDX-License-Identifier: Apache-2.0
// The part of a bucket below a prefix, as a bucket of its own: a volume's objects lie below "NAME/".
#pragma once

#include <string>

#include "object/object_store.h"

namespace headrace::object {

/// Thread-safe. A key may be as long as leaves prefix and key together within 1024 bytes. `inner` outlives it.
class PrefixedStore final : public ObjectStore {
 public:
  PrefixedStore(ObjectStore& inner, std::string prefix);

  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override;
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override;
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override;
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override;
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override;
  const StoreTraits& traits() const override { return traits_; }

 private:
  Result<std::string> whole(std::string_view key) const;

  ObjectStore& inner_;
  const std::string prefix_;
  const StoreTraits traits_;
};

}  // namespace headrace::object
