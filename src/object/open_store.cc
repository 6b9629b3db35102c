// SPDX-License-Identifier: Apache-2.0
// One line for each scheme.
#include "object/open_store.h"

#include <fmt/format.h>

#include <filesystem>

#include "object/file_store.h"
#include "object/memory_store.h"

namespace headrace::object {
namespace {

Result<std::unique_ptr<ObjectStore>> open_directory(std::string_view path, Scheduler& scheduler, const OpenStoreOptions& options) {
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

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_store(std::string_view url, Scheduler& scheduler, const OpenStoreOptions& options) {
  const std::size_t separator = url.find("://");
  if (url.empty()) return Error(Code::kInvalid, "a bucket is needed: file:///DIRECTORY, a plain directory, or mem://");
  if (separator == std::string_view::npos) return open_directory(url, scheduler, options);
  const std::string_view scheme = url.substr(0, separator), rest = url.substr(separator + 3);
  if (scheme == "file") {
    if (!rest.starts_with('/')) return Error(Code::kInvalid, fmt::format("file://{}: a file URL needs an absolute path: file:///DIRECTORY", rest));
    return open_directory(rest, scheduler, options);
  }
  if (scheme == "mem") {
    if (!rest.empty()) return Error(Code::kInvalid, fmt::format("mem://{}: a bucket in memory has no name: mem://", rest));
    return std::unique_ptr<ObjectStore>(std::make_unique<MemoryStore>(scheduler.clock()));
  }
  return Error(Code::kNotSupported, fmt::format("{}:// buckets are not supported: use file:///DIRECTORY, a plain directory, or mem://", scheme));
}

}  // namespace headrace::object
