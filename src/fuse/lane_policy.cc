// SPDX-License-Identifier: Apache-2.0
#include "fuse/lane_policy.h"

#include <fcntl.h>

#include "fuse/abi.h"

namespace headrace::fuse {

Duration time_limit_of(std::uint32_t opcode) {
  switch (opcode) {
    case FUSE_READ:
    case FUSE_LSEEK: return std::chrono::seconds(60);
    case FUSE_WRITE:
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
    case FUSE_SYNCFS:
    case FUSE_RELEASE:
    case FUSE_FALLOCATE:
    case FUSE_COPY_FILE_RANGE:
    case kOpCopyFileRange64:
    // These may have to bring to the store what was written before.
    case FUSE_SETATTR:
    case FUSE_OPEN:
    case FUSE_CREATE: return std::chrono::seconds(300);
    case FUSE_SETLKW: return Duration::max();  // until it is granted or the caller gives up
    default: return std::chrono::seconds(30);
  }
}

bool may_be_interrupted(const Request& request) {
  switch (request.header.opcode) {
    case FUSE_LOOKUP:
    case FUSE_GETATTR:
    case FUSE_READLINK:
    case FUSE_STATFS:
    case FUSE_GETXATTR:
    case FUSE_LISTXATTR:
    case FUSE_OPENDIR:
    case FUSE_READDIR:
    case FUSE_READDIRPLUS:
    case FUSE_READ:
    case FUSE_LSEEK:
    case FUSE_GETLK:
    case FUSE_SETLK:
    case FUSE_SETLKW:
    // These can be done again, and what was written goes on its way to the store whoever waits for it.
    case FUSE_WRITE:
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
    case FUSE_SYNCFS: return true;
    case FUSE_OPEN: {
      const auto* const open = std::get_if<OpenAsk>(&request.ask);
      return open != nullptr && (open->flags & O_TRUNC) == 0;
    }
    default: return false;
  }
}

}  // namespace headrace::fuse
