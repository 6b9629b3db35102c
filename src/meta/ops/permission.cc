// SPDX-License-Identifier: Apache-2.0
// Sticky bits, flags, trash.
#include "meta/ops/permission.h"

#include <sys/stat.h>

#include "meta/ops/load.h"

namespace headrace::meta::ops {
namespace {

// Without the group's x bit setgid is mandatory locking, not a privilege: it stays with those who are in the group.
std::uint16_t without_privileges(const Caller& caller, const Attr& attr) {
  std::uint16_t mode = attr.mode & static_cast<std::uint16_t>(~S_ISUID);
  const bool is_member = caller.is_root() || may_be_in_group(caller, attr.gid);
  if ((mode & S_IXGRP) != 0 || !is_member) mode &= static_cast<std::uint16_t>(~S_ISGID);
  return mode;
}

}  // namespace

bool may_be_in_group(const Caller& caller, std::uint32_t group) {
  return caller.groups.empty() || caller.is_in_group(group);
}

Result<void> check_may_add(Ino directory, const Attr& attr) {
  if (is_trash(directory)) return Code::kNotPermitted;
  if (attr.parent > kTrashRoot) return Code::kNotFound;
  if ((attr.flags & kFlagImmutable) != 0) return Code::kNotPermitted;
  return {};
}

Result<void> check_may_remove_from(const Caller& caller, Ino directory, const Attr& attr) {
  if (directory == kTrashRoot) return Code::kNotPermitted;
  if (is_trash(directory) && !caller.is_root()) return Code::kNotPermitted;
  if ((attr.flags & (kFlagImmutable | kFlagAppend)) != 0) return Code::kNotPermitted;
  return {};
}

Result<void> check_may_go(const Caller& caller, const Attr& directory, const Attr& attr) {
  if ((attr.flags & (kFlagImmutable | kFlagAppend)) != 0) return Code::kNotPermitted;
  const bool is_sticky = (directory.mode & S_ISVTX) != 0;
  if (is_sticky && !caller.is_root() && caller.uid != directory.uid && caller.uid != attr.uid)
    return Code::kNotPermitted;
  return {};
}

Result<void> check_not_in_trash(const OpContext& context, Ino ino, const Attr& attr) {
  if (is_trash(ino)) return Code::kNotPermitted;
  if (is_trash_file(attr) && !context.holders.was_held_before_trash(ino)) return Code::kNotPermitted;
  return {};
}

std::uint16_t mode_after_write(const Caller& caller, const Attr& attr) {
  if (caller.is_root()) return attr.mode;
  return without_privileges(caller, attr);
}

std::uint16_t mode_after_chown(const Caller& caller, const Attr& attr) {
  if (attr.type == FileType::kDirectory) return attr.mode;
  return without_privileges(caller, attr);
}

}  // namespace headrace::meta::ops
