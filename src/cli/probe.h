// SPDX-License-Identifier: Apache-2.0
// Looking at a mount that may not answer. Whoever looks at a mount whose server hangs, hangs with it; so a child
// process looks, and is ended when its time is over.
#pragma once

#include <cstdint>
#include <string>

#include "base/event.h"
#include "base/result.h"
#include "base/scope.h"

namespace headrace::cli {

struct Seen {
  std::uint64_t ino = 0;
  std::uint32_t mode = 0;  // as stat(2)
  std::uint64_t size = 0;
};

/// lstat(2). kTimedOut: no answer within the scope; kInterrupted: it was stopped. Other codes are the call's own errno,
/// such as kNotFound. kTransient: a mount whose server is gone.
Result<Seen> look_at(const Scope& scope, Scheduler& scheduler, const std::string& path);

/// A file's bytes, at most `bytes_max` of them.
Result<std::string> read_file(const Scope& scope, Scheduler& scheduler, const std::string& path, std::size_t bytes_max);

}  // namespace headrace::cli
