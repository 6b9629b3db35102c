// SPDX-License-Identifier: Apache-2.0
// Attributes of files: getattr, setattr, extended attributes, statfs.
#include "vfs/file_system_impl.h"

namespace headrace::vfs {
namespace {

constexpr std::uint16_t kSetUid = 04000, kSetGid = 02000, kGroupExecute = 0010;

/// Labels are the business of the machine, not of the volume; `ls -l` asks each file for one until it is told that
/// there are none.
constexpr std::string_view kLabel = "security.selinux";

/// Namespaces that a volume can hold. "system." would be POSIX ACLs and the like, which mean something to the kernel;
/// file capabilities would have to vanish with every write, and a name that does not vanish is a privilege that stays.
Result<void> check_xattr(std::string_view name) {
  if (name == "security.capability" || name == kLabel) return Code::kNotSupported;
  for (const std::string_view space : {"user.", "trusted.", "security."}) {
    if (name.starts_with(space)) return name.size() == space.size() ? Result<void>(Code::kInvalid) : Result<void>();
  }
  return Code::kNotSupported;
}

}  // namespace

Result<NodeAttr> FileSystem::getattr(const Scope& scope, const Caller&, NodeId node, std::optional<std::uint64_t>) {
  const Ino ino = ino_of(node);
  if (is_virtual(ino)) return NodeAttr{ino, impl_->virtual_files.attr(ino), Duration(0)};
  const Commits::Mark asked = impl_->commits.mark();
  const Result<Attr> attr = impl_->context.volume.getattr(scope, ino);
  if (attr) return impl_->attr_of(scope, ino, *attr, asked);
  if (attr.code() != Code::kNotFound) return attr.error();
  MutexLock lock(impl_->mutex);
  if (const auto gone = impl_->departed.find(ino); gone != impl_->departed.end())
    return NodeAttr{ino, gone->second, impl_->options.attr_ttl};
  // The kernel remembered a name that means another file by now: it asks for the name again, and the user sees nothing
  // of it.
  return Code::kStale;
}

Result<void> FileSystem::Impl::drop_privileges(const Scope& scope, Ino ino) {
  TRY(const Attr attr, context.volume.getattr(scope, ino));
  if (attr.type != FileType::kRegular) return {};
  std::uint16_t mode = attr.mode & ~kSetUid;
  if ((mode & kGroupExecute) != 0) mode &= static_cast<std::uint16_t>(~kSetGid);
  if (mode == attr.mode) return {};
  meta::AttrChange change;
  change.mode = mode;
  TRY_OK(context.volume.setattr(scope, Caller{}, ino, change));
  attributes_changed(ino, 0);
  return {};
}

Result<NodeAttr> FileSystem::setattr(const Scope& scope, const Caller& caller, NodeId node, const SetAttr& set) {
  const Ino ino = ino_of(node);
  if (is_virtual(ino)) {
    // Opening .control with O_TRUNC, as shells do, must not fail.
    return NodeAttr{ino, impl_->virtual_files.attr(ino), Duration(0)};
  }
  TRY_OK(impl_->check_changeable(ino));
  Attr attr;
  if (set.kills_privileges && !set.change.mode) TRY_OK(impl_->drop_privileges(scope, ino));
  if (set.size) {
    TRY(const std::shared_ptr<OpenFile> file, impl_->borrow(scope, node));
    OpenFile::Mirror mirror(*file, node, impl_->kernel);
    TRY(attr, file->bytes().truncate(scope, caller, *set.size, &mirror));
    impl_->files.drop_if_idle(file);
  }
  const meta::AttrChange& change = set.change;
  const bool changes_more = change.mode || change.uid || change.gid || change.atime || change.mtime ||
                            change.atime_now || change.mtime_now || change.flags;
  if (set.size && !changes_more) return NodeAttr{ino, attr, impl_->options.attr_ttl};
  const Commits::Mark asked = impl_->commits.mark();
  TRY(attr, impl_->context.volume.setattr(scope, caller, ino, change));
  if (change.mtime || change.mtime_now) {
    if (const std::shared_ptr<OpenFile> file = impl_->files.find(ino)) file->bytes().set_modified(attr.mtime);
  }
  impl_->attributes_changed(ino, node);
  return impl_->attr_of(scope, ino, attr, asked);
}

Result<std::string> FileSystem::getxattr(const Scope& scope, const Caller&, NodeId node, std::string_view name) {
  if (is_virtual(ino_of(node))) return Code::kNoData;
  if (name == "security.capability") return Code::kNoData;
  if (!impl_->options.xattrs) return Code::kNotSupported;
  TRY_OK(check_xattr(name));
  return impl_->context.volume.getxattr(scope, ino_of(node), name);
}

Result<void> FileSystem::setxattr(const Scope& scope, const Caller&, NodeId node, std::string_view name,
                                  std::string_view value, std::uint32_t flags) {
  TRY_OK(impl_->check_changeable(ino_of(node)));
  if (!impl_->options.xattrs) return Code::kNotSupported;
  TRY_OK(check_xattr(name));
  return impl_->context.volume.setxattr(scope, ino_of(node), name, value, flags);
}

Result<std::vector<std::string>> FileSystem::listxattr(const Scope& scope, const Caller& caller, NodeId node) {
  if (is_virtual(ino_of(node)) || !impl_->options.xattrs) return std::vector<std::string>{};
  TRY(std::vector<std::string> names, impl_->context.volume.listxattr(scope, ino_of(node)));
  std::erase_if(names, [&](const std::string& name) {
    return name == kLabel || (!caller.is_root() && name.starts_with("trusted."));
  });
  return names;
}

Result<void> FileSystem::removexattr(const Scope& scope, const Caller&, NodeId node, std::string_view name) {
  TRY_OK(impl_->check_changeable(ino_of(node)));
  if (!impl_->options.xattrs) return Code::kNotSupported;
  TRY_OK(check_xattr(name));
  return impl_->context.volume.removexattr(scope, ino_of(node), name);
}

Result<meta::VolumeUsage> FileSystem::statfs(const Scope& scope, NodeId) { return impl_->context.volume.usage(scope); }

}  // namespace headrace::vfs
