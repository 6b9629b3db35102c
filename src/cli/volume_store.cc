// SPDX-License-Identifier: Apache-2.0
// Wrappers, one on the other.
#include "cli/volume_store.h"

#include <fmt/format.h>

#include "base/rng.h"
#include "object/open_store.h"

namespace headrace::cli {

Result<std::vector<std::string>> bucket_names(const std::string& bucket, std::uint32_t shards) {
  if (shards <= 1) return std::vector<std::string>{bucket};
  const std::size_t at = bucket.find("%d");
  if (at == std::string::npos || bucket.find('%', at + 1) != std::string::npos) {
    return Error(Code::kInvalid,
                 fmt::format("with {} shards the bucket needs one %d in its name, got {}", shards, bucket));
  }
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < shards; ++i)
    names.push_back(bucket.substr(0, at) + std::to_string(i) + bucket.substr(at + 2));
  return names;
}

Result<std::unique_ptr<VolumeStore>> VolumeStore::open(const meta::VolumeFormat& format, Scheduler& scheduler,
                                                       const VolumeStoreOptions& options) {
  if (format.storage != "file") {
    return Error(Code::kNotSupported,
                 fmt::format("objects in a storage of kind '{}' cannot be reached by this version: it knows 'file'",
                             format.storage));
  }
  std::unique_ptr<VolumeStore> store(new VolumeStore());
  const std::string& bucket = options.bucket.empty() ? format.bucket : options.bucket;
  TRY(const std::vector<std::string> names, bucket_names(bucket, format.shards));
  for (const std::string& name : names) {
    TRY(auto opened, object::open_store(name, scheduler, {.make_directory = options.make_directory}));
    store->buckets_.push_back(std::move(opened));
  }
  object::ObjectStore* top = store->buckets_.front().get();
  if (store->buckets_.size() > 1) {
    std::vector<object::ObjectStore*> shards;
    for (const auto& one : store->buckets_) shards.push_back(one.get());
    store->sharded_ = std::make_unique<object::ShardedStore>(std::move(shards));
    top = store->sharded_.get();
  }
  if (options.observer != nullptr) {
    store->metered_ = std::make_unique<object::MeteredStore>(*top, *options.observer, scheduler.clock());
    top = store->metered_.get();
  }
  store->retrying_ =
      std::make_unique<object::RetryingStore>(*top, scheduler, random_seed(), options.retries, options.observer);
  store->prefixed_ = std::make_unique<object::PrefixedStore>(*store->retrying_, format.name + "/");
  return store;
}

}  // namespace headrace::cli
