// SPDX-License-Identifier: Apache-2.0
// A map behind a mutex.
#include "object/memory_store.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"
#include "object/key.h"
#include "object/scope_check.h"

namespace headrace::object {

MemoryStore::MemoryStore(const Clock& clock) : clock_(clock), traits_{"mem", "mem://", false} {}

Result<MemoryStore::ObjectPointer> MemoryStore::find(const Scope& scope, std::string_view key) const {
  TRY_OK(check_scope(scope, clock_));
  TRY_OK(check_key(key));
  MutexLock lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return Code::kNotFound;
  return found->second;
}

ObjectInfo MemoryStore::info_of(const std::string& key, const Object& object) {
  return {key, object.bytes.size(), object.modified, std::to_string(object.version), object.crc};
}

Result<GetResult> MemoryStore::get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                   MutableByteSpan into) {
  TRY(const ObjectPointer object, find(scope, key));
  const std::string& bytes = object->bytes;
  const std::size_t start = static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes.size()));
  const std::size_t count = std::min(into.size(), bytes.size() - start);
  if (count > 0) std::memcpy(into.data(), bytes.data() + start, count);
  if (offset == 0 && count == bytes.size() && crc32c(ByteSpan(into).first(count)) != object->crc) {
    return Error(Code::kDamaged, "mem://" + std::string(key) + ": the bytes do not match their checksum");
  }
  return GetResult{count, bytes.size(), std::to_string(object->version)};
}

Result<void> MemoryStore::put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) {
  TRY_OK(check_scope(scope, clock_));
  TRY_OK(check_key(key));
  auto object = std::make_shared<Object>();
  std::size_t total = 0;
  for (const ByteSpan part : parts) total += part.size();
  object->bytes.reserve(total);
  for (const ByteSpan part : parts) object->bytes.append(text_view(part));
  object->crc = crc32c(bytes_of(object->bytes));
  object->modified = clock_.wall();
  MutexLock lock(mutex_);
  object->version = next_version_++;
  objects_.insert_or_assign(std::string(key), std::move(object));
  return {};
}

Result<ObjectInfo> MemoryStore::head(const Scope& scope, std::string_view key) {
  TRY(const ObjectPointer object, find(scope, key));
  return info_of(std::string(key), *object);
}

Result<void> MemoryStore::remove(const Scope& scope, std::span<const std::string> keys) {
  TRY_OK(check_scope(scope, clock_));
  for (const std::string& key : keys) TRY_OK(check_key(key));
  MutexLock lock(mutex_);
  for (const std::string& key : keys) objects_.erase(key);
  return {};
}

Result<ListPage> MemoryStore::list(const Scope& scope, std::string_view prefix, std::string_view after,
                                   std::size_t limit) {
  TRY_OK(check_scope(scope, clock_));
  TRY_OK(check_list_limit(limit));
  ListPage page;
  MutexLock lock(mutex_);
  auto at = after >= prefix ? objects_.upper_bound(after) : objects_.lower_bound(prefix);
  for (; at != objects_.end() && at->first.starts_with(prefix); ++at) {
    if (page.objects.size() == limit) {
      page.is_last = false;
      break;
    }
    page.objects.push_back(info_of(at->first, *at->second));
  }
  return page;
}

std::size_t MemoryStore::object_count() const {
  MutexLock lock(mutex_);
  return objects_.size();
}

Result<void> MemoryStore::damage(std::string_view key, std::uint64_t offset) {
  MutexLock lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end() || offset >= found->second->bytes.size()) return Code::kNotFound;
  auto changed = std::make_shared<Object>(*found->second);
  changed->bytes[static_cast<std::size_t>(offset)] ^= 1;
  found->second = std::move(changed);
  return {};
}

}  // namespace headrace::object
