// SPDX-License-Identifier: Apache-2.0
// From what a person writes for a bucket to the store behind it.
#pragma once

#include <memory>
#include <string_view>

#include "base/event.h"
#include "object/object_store.h"

namespace headrace::object {

struct OpenStoreOptions {
  /// A directory that is not there is made, with its parents. Otherwise it is kNotFound.
  bool make_directory = false;
};

/// "file:///DIRECTORY", a plain "DIRECTORY", or "mem://" (a new, empty one each time). A file:// URL may say how far
/// away the bucket shall seem, to try out what a distant one does to a training:
/// "?latency=30ms&connection-rate=50MB&rate=1GB" (of a request, of each connection, of all together; each as in
/// ThrottleOptions). kNotSupported, with a sentence, for any other scheme; kInvalid for a file:// URL without an
/// absolute path or with another parameter, or a mem:// URL that names anything; what FileStore::open() says.
Result<std::unique_ptr<ObjectStore>> open_store(std::string_view url, Scheduler& scheduler,
                                                const OpenStoreOptions& options = {});

}  // namespace headrace::object
