// SPDX-License-Identifier: Apache-2.0
// mem://: objects in this process's memory, for tests and trials. It behaves as the conformance suite says and forgets
// everything when it ends.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "object/object_store.h"

namespace headrace::object {

/// Thread-safe. Holds any key that check_key() allows.
class MemoryStore final : public ObjectStore {
 public:
  explicit MemoryStore(const Clock& clock);

  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override;
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override;
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override;
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override;
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override;
  const StoreTraits& traits() const override { return traits_; }

  std::size_t object_count() const;
  /// Flips one bit of a stored object without touching its checksum, as a bad disk would. kNotFound.
  Result<void> damage(std::string_view key, std::uint64_t offset);

 private:
  struct Object {
    std::string bytes;
    Timestamp modified;
    std::uint64_t version = 0;
    std::uint32_t crc = 0;
  };
  /// Objects are replaced, never changed, so that a reader copies without the lock.
  using ObjectPointer = std::shared_ptr<const Object>;

  static ObjectInfo info_of(const std::string& key, const Object& object);
  Result<ObjectPointer> find(const Scope& scope, std::string_view key) const;

  const Clock& clock_;
  const StoreTraits traits_;
  mutable Mutex mutex_;
  std::map<std::string, ObjectPointer, std::less<>> objects_ GUARDED_BY(mutex_);
  std::uint64_t next_version_ GUARDED_BY(mutex_) = 1;
};

}  // namespace headrace::object
