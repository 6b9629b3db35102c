// SPDX-License-Identifier: Apache-2.0
// The object store of a volume, as its description says: buckets, shards, retries, the volume's own prefix.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/event.h"
#include "meta/volume_format.h"
#include "object/metered_store.h"
#include "object/object_store.h"
#include "object/prefixed_store.h"
#include "object/retrying_store.h"
#include "object/sharded_store.h"

namespace headrace::cli {

struct VolumeStoreOptions {
  bool make_directory = false;  // a directory that is to be the bucket is made
  std::string bucket{};         // in place of the description's, where not empty
  object::RetryPolicy retries{};
  object::RequestObserver* observer = nullptr;  // is told of every attempt and retry; outlives the store
};

/// Objects below "NAME/" of the volume's buckets. Lives where it was made; the scheduler outlives it.
class VolumeStore {
 public:
  /// kNotSupported: a storage this version has no client for. kInvalid: shards without "%d" in the bucket. What
  /// open_store() says.
  static Result<std::unique_ptr<VolumeStore>> open(const meta::VolumeFormat& format, Scheduler& scheduler,
                                                   const VolumeStoreOptions& options);

  object::ObjectStore& objects() { return *prefixed_; }
  object::RetryStats retry_stats() const { return retrying_->stats(); }

 private:
  VolumeStore() = default;

  std::vector<std::unique_ptr<object::ObjectStore>> buckets_;
  std::unique_ptr<object::ShardedStore> sharded_;
  std::unique_ptr<object::MeteredStore> metered_;
  std::unique_ptr<object::RetryingStore> retrying_;
  std::unique_ptr<object::PrefixedStore> prefixed_;
};

/// The names of the buckets: one, or with shards N > 1 the bucket with its "%d" filled with 0 … N-1.
Result<std::vector<std::string>> bucket_names(const std::string& bucket, std::uint32_t shards);

}  // namespace headrace::cli
