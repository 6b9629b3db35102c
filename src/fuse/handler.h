// SPDX-License-Identifier: Apache-2.0
// What a lane calls for each request, whatever lane it is. The file system's own is fuse/handlers.h; tests have small
// ones.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/scope.h"
#include "fuse/reply.h"
#include "fuse/request.h"

namespace headrace::fuse {

/// Thread-safe: called by every thread of a lane at once.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  /// Runs one request to its end on this thread, and answers it, or hands the reply to what will (a lock that has to
  /// wait). `scope` ends at the operation's deadline and is stopped when the kernel says that the caller gave up.
  /// `scratch` is free for bytes of the reply until this returns. INIT, INTERRUPT, FORGET and DESTROY do not come here.
  virtual void serve(const Scope& scope, const Request& request, MutableByteSpan scratch, Reply reply) = 0;

  /// The kernel dropped so many lookups of a node. Must not wait: it is called by the last reader too.
  virtual void forget(NodeId node, std::uint64_t lookups) = 0;

  /// The caller of a request whose reply was handed on gave up. Unknown numbers are none of its business.
  virtual void cancel(std::uint64_t unique) = 0;
};

}  // namespace headrace::fuse
