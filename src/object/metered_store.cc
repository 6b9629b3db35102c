// SPDX-License-Identifier: Apache-2.0
// A clock around each request.
#include "object/metered_store.h"

namespace headrace::object {
namespace {

/// Runs a request and reports it. `bytes_of_success` says what a result that succeeded has moved.
template <class Request, class Bytes>
auto metered(RequestObserver& observer, const Clock& clock, Method method, Request request, Bytes bytes_of_success) {
  const Moment start = clock.now();
  auto result = request();
  const std::chrono::duration<double> took = clock.now() - start;
  if (result) {
    observer.on_request(method, took.count(), bytes_of_success(result), std::nullopt);
  } else {
    observer.on_request(method, took.count(), 0, result.code());
  }
  return result;
}

constexpr auto kNoBytes = [](const auto&) { return std::uint64_t{0}; };

}  // namespace

Result<GetResult> MeteredStore::get(const Scope& scope, std::string_view key, std::uint64_t offset,
                                    MutableByteSpan into) {
  return metered(
      observer_, clock_, Method::kGet, [&] { return inner_.get(scope, key, offset, into); },
      [](const Result<GetResult>& result) { return std::uint64_t{result->bytes}; });
}

Result<void> MeteredStore::put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) {
  std::uint64_t bytes = 0;
  for (const ByteSpan part : parts) bytes += part.size();
  return metered(
      observer_, clock_, Method::kPut, [&] { return inner_.put(scope, key, parts); },
      [&](const auto&) { return bytes; });
}

Result<ObjectInfo> MeteredStore::head(const Scope& scope, std::string_view key) {
  return metered(observer_, clock_, Method::kHead, [&] { return inner_.head(scope, key); }, kNoBytes);
}

Result<void> MeteredStore::remove(const Scope& scope, std::span<const std::string> keys) {
  return metered(observer_, clock_, Method::kRemove, [&] { return inner_.remove(scope, keys); }, kNoBytes);
}

Result<ListPage> MeteredStore::list(const Scope& scope, std::string_view prefix, std::string_view after,
                                    std::size_t limit) {
  return metered(observer_, clock_, Method::kList, [&] { return inner_.list(scope, prefix, after, limit); }, kNoBytes);
}

}  // namespace headrace::object
