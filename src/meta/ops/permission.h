// SPDX-License-Identifier: Apache-2.0
// What the kernel leaves open: sticky directories, chattr's flags, the trash. The mode bits are the kernel's to check.
#pragma once

#include "meta/ops/context.h"

namespace headrace::meta::ops {

/// A number of links that every engine and every client can hold.
inline constexpr std::uint32_t kLinksMax = 0x7FFFFFFF;

/// Whether the caller may be in the group: a kernel request names one group only, and then the kernel has checked
/// already.
bool may_be_in_group(const Caller& caller, std::uint32_t group);

/// A new name in this directory. kNotPermitted: it belongs to the trash or is immutable; kNotFound: it was removed into
/// the trash.
Result<void> check_may_add(Ino directory, const Attr& attr);
/// A name of this directory goes. kNotPermitted: immutable or append-only; the trash, whose hours nobody removes or
/// moves, and whose entries only root does.
Result<void> check_may_remove_from(const Caller& caller, Ino directory, const Attr& attr);
/// The inode itself loses a name or moves. kNotPermitted: immutable or append-only, or in a sticky directory neither it
/// nor the directory is the caller's.
Result<void> check_may_go(const Caller& caller, const Attr& directory, const Attr& attr);
/// The bytes or attributes of a file in the trash are only changed through handles older than its removal.
/// kNotPermitted.
Result<void> check_not_in_trash(const OpContext& context, Ino ino, const Attr& attr);

/// What a write, truncate or change of owner by this caller leaves of setuid and setgid (Linux's rules for regular
/// files).
std::uint16_t mode_after_write(const Caller& caller, const Attr& attr);
std::uint16_t mode_after_chown(const Caller& caller, const Attr& attr);

}  // namespace headrace::meta::ops
