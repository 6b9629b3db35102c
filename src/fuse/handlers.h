// SPDX-License-Identifier: Apache-2.0
// The kernel's operations on a vfs::FileSystem: arguments in, reply out, nothing decided here that the file system
// could decide.
#pragma once

#include <memory>

#include "base/clock.h"
#include "fuse/access_log.h"
#include "fuse/handler.h"
#include "metrics/registry.h"
#include "vfs/file_system.h"

namespace headrace::fuse {

/// All outlive the handler; `index`, where requests that must not be executed twice are written down, may be null.
/// FileSystem::close() comes after the lane has ended, and before the file system goes away.
std::unique_ptr<RequestHandler> new_handler(vfs::FileSystem& files, metrics::Registry& registry,
                                            vfs::TakeoverIndex* index = nullptr);

/// The lines of a lane for the readers of the file system's `.accesslog`.
std::unique_ptr<AccessLog> new_access_log(vfs::FileSystem& files, const Clock& clock);

}  // namespace headrace::fuse
