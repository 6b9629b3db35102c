// SPDX-License-Identifier: Apache-2.0
// What commands ask of a mount through `.control` (juicefs-volume-format, section 8.2): where a file is, what a tree
// holds, bringing files in ahead of use, removing trees. Commands we do not have are answered EINVAL, as an old client
// answers them.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/thread_pool.h"
#include "vfs/open_file.h"
#include "vfs/virtual_files.h"
#include "vfs/warmer.h"
#include "vfs/whole_files.h"

namespace headrace::vfs {

/// Thread-safe.
class Control {
 public:
  Control(const Context& context, FileTable& files, WholeFiles& whole_files)
      : context_(context), files_(files), whole_files_(whole_files), warmer_(context, whole_files) {}

  ~Control() { close(); }

  /// Answers one request: what is quick before this returns, warming up from a thread of its own.
  void answer(const Scope& scope, std::uint32_t command, std::string body,
              const std::shared_ptr<Conversation>& conversation);
  /// Stops what still runs. Idempotent.
  void close();
  Result<FilePlace> place_of(const Scope& scope, Ino ino);

 private:
  Result<std::string> info(const Scope& scope, std::string_view body);
  Result<std::string> summary(const Scope& scope, std::string_view body);
  Result<void> warm_up(std::string_view body, const std::shared_ptr<Conversation>& conversation);

  const Context& context_;
  FileTable& files_;
  WholeFiles& whole_files_;
  Warmer warmer_;
  std::stop_source stop_;
  Mutex mutex_;
  std::unique_ptr<ThreadPool> jobs_ GUARDED_BY(mutex_);  // made by the first long request
};

}  // namespace headrace::vfs
