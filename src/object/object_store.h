// SPDX-License-Identifier: Apache-2.0
// A bucket: immutable bytes under keys. Every store behaves as the conformance suite says
// (object/testing/conformance.h); behaviour across stores (prefixes, retries, metrics, throttling, faults) is a wrapper
// with this same face, stacked in apps.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/scope.h"

namespace headrace::object {

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;
  Timestamp modified;
  std::string etag;  // changes when the bytes change; for file:// made from inode, size and times
  /// CRC-32C of the whole object, where the store keeps one (file://: xattr user.headrace.crc32c).
  std::optional<std::uint32_t> crc32c;
};

/// What get() delivered.
struct GetResult {
  std::size_t bytes = 0;  // how many were written to the span: fewer than asked only at the object's end
  std::uint64_t object_size = 0;
  std::string etag;
};

struct ListPage {
  std::vector<ObjectInfo> objects;  // in the order of their key bytes
  bool is_last = true;
};

struct StoreTraits {
  std::string scheme;      // "file", "mem", "s3"
  std::string location;    // for people, without secrets
  bool is_durable = true;  // put() survives a crash of the machine
};

/// Thread-safe. Every call ends by the scope's deadline (kTimedOut) or soon after its stop (kInterrupted). Keys are 1 …
/// 1024 bytes, no NUL, no component "." or ".." and no leading '/': others are kInvalid. kNotFound: no such object.
/// kTransient, kThrottled, kTimedOut: trying again may help. kDamaged: the bytes are there and do not check. kNoSpace,
/// kUnauthorized: as they say.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// Bytes from `offset` on, into `into`, which is the caller's again only when the call has returned. Past the end: 0
  /// bytes. When the whole object was read and the store keeps its checksum, it has been verified.
  virtual Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                MutableByteSpan into) = 0;
  /// Creates or replaces an object with the parts, one behind the other. Ok only when all of it is stored, durable and
  /// visible; otherwise the key holds what it held before, or all of the new bytes. Never half.
  virtual Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) = 0;
  /// What is known of an object without its bytes.
  virtual Result<ObjectInfo> head(const Scope& scope, std::string_view key) = 0;
  /// Removes objects; a missing one is no error.
  virtual Result<void> remove(const Scope& scope, std::span<const std::string> keys) = 0;
  /// Objects whose key starts with `prefix` and is greater than `after`, at most `limit` (1 … 10,000).
  virtual Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                                std::size_t limit) = 0;
  virtual const StoreTraits& traits() const = 0;
};

}  // namespace headrace::object
