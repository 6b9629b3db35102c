// SPDX-License-Identifier: Apache-2.0
// One line for each scheme.
#include "object/open_store.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/uri.h"
#include "object/file_store.h"
#include "object/memory_store.h"
#include "object/throttled_store.h"

namespace headrace::object {
namespace {

Result<std::unique_ptr<ObjectStore>> open_directory(std::string_view path, Scheduler& scheduler,
                                                    const OpenStoreOptions& options) {
  std::string directory(path);
  if (!directory.ends_with('/')) directory += '/';
  if (options.make_directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return file_error(error.value(), "make the bucket's directory", directory);
  }
  TRY(std::unique_ptr<FileStore> store, FileStore::open(directory, scheduler));
  return std::unique_ptr<ObjectStore>(std::move(store));
}

/// A store that owns the one it slows down.
class DistantStore final : public ObjectStore {
 public:
  DistantStore(std::unique_ptr<ObjectStore> inner, Scheduler& scheduler, const ThrottleOptions& options)
      : inner_(std::move(inner)), throttled_(*inner_, scheduler, options) {}
  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override {
    return throttled_.get(scope, key, offset, into);
  }
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override {
    return throttled_.put(scope, key, parts);
  }
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override { return throttled_.head(scope, key); }
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override {
    return throttled_.remove(scope, keys);
  }
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override {
    return throttled_.list(scope, prefix, after, limit);
  }
  const StoreTraits& traits() const override { return inner_->traits(); }

 private:
  const std::unique_ptr<ObjectStore> inner_;
  ThrottledStore throttled_;
};

Result<ThrottleOptions> parse_distance(const std::map<std::string, std::string>& parameters) {
  ThrottleOptions options;
  for (const auto& [name, value] : parameters) {
    if (name == "latency") {
      TRY(options.latency, parse_duration(value));
    } else if (name == "connection-rate") {
      TRY(options.connection_bytes_per_second, parse_size(value));
    } else if (name == "rate") {
      TRY(options.bytes_per_second, parse_size(value));
    } else {
      return Error(Code::kInvalid, fmt::format("{}: a file URL knows latency, connection-rate and rate", name));
    }
  }
  return options;
}

Result<std::unique_ptr<ObjectStore>> open_file_url(std::string_view rest, Scheduler& scheduler,
                                                   const OpenStoreOptions& options) {
  if (!rest.starts_with('/'))
    return Error(Code::kInvalid, fmt::format("file://{}: a file URL needs an absolute path: file:///DIRECTORY", rest));
  if (!rest.contains('?')) return open_directory(rest, scheduler, options);
  TRY(const Url url, parse_url(fmt::format("file://{}", rest)));
  TRY(const ThrottleOptions distance, parse_distance(url.query));
  TRY(std::unique_ptr<ObjectStore> near, open_directory(url.rest, scheduler, options));
  return std::unique_ptr<ObjectStore>(std::make_unique<DistantStore>(std::move(near), scheduler, distance));
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_store(std::string_view url, Scheduler& scheduler,
                                                const OpenStoreOptions& options) {
  const std::size_t separator = url.find("://");
  if (url.empty()) return Error(Code::kInvalid, "a bucket is needed: file:///DIRECTORY, a plain directory, or mem://");
  if (separator == std::string_view::npos) return open_directory(url, scheduler, options);
  const std::string_view scheme = url.substr(0, separator), rest = url.substr(separator + 3);
  if (scheme == "file") return open_file_url(rest, scheduler, options);
  if (scheme == "mem") {
    if (!rest.empty())
      return Error(Code::kInvalid, fmt::format("mem://{}: a bucket in memory has no name: mem://", rest));
    return std::unique_ptr<ObjectStore>(std::make_unique<MemoryStore>(scheduler.clock()));
  }
  return Error(
      Code::kNotSupported,
      fmt::format("{}:// buckets are not supported: use file:///DIRECTORY, a plain directory, or mem://", scheme));
}

}  // namespace headrace::object
