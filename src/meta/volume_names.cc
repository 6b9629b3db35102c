// SPDX-License-Identifier: Apache-2.0
// Volume's operations on names.
#include <fcntl.h>

#include <algorithm>

#include "meta/ops/load.h"
#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

using records::EntriesOf;
using records::EntryKey;
using records::EntryRecord;
using records::InodeKey;
using records::Item;
using records::RecordTxn;

constexpr std::size_t kLinksShownMax = 4096;
constexpr std::size_t kRowsAtOnce = 1024;
constexpr int kDepthMax = 4096;

Result<Ino> fresh_inode(const Scope& scope, records::RecordEngine& engine) {
  TRY(const records::IdRange range, engine.reserve(scope, records::IdKind::kInode, 1));
  return Ino{range.first};
}

struct Name {
  Ino parent;
  std::string name;
};

// The names a directory gives an inode: for engines that cannot ask for them directly.
Result<void> append_names_in(RecordTxn& txn, Ino directory, Ino ino, std::vector<Name>& names) {
  std::string after;
  for (;;) {
    TRY(const std::vector<Item> page, txn.scan(EntriesOf{directory, after, false}, kRowsAtOnce));
    for (const Item& item : page) {
      after = std::get<EntryKey>(item.key).name;
      if (std::get<EntryRecord>(item.record).ino == ino) names.push_back({directory, after});
    }
    if (page.size() < kRowsAtOnce) return {};
  }
}

Result<std::vector<Name>> names_of(RecordTxn& txn, Ino ino) {
  TRY(const Attr attr, ops::load_inode(txn, ino));
  TRY(const std::vector<Item> links, txn.scan(records::LinksTo{ino}, kLinksShownMax));
  std::vector<Name> names;
  for (const Item& link : links) {
    if (const auto* entry = std::get_if<EntryKey>(&link.key)) names.push_back({entry->parent, entry->name});
    const auto* counted = std::get_if<records::ParentLinkKey>(&link.key);
    if (counted != nullptr && std::get<std::int64_t>(link.record) > 0)
      TRY_OK(append_names_in(txn, counted->parent, ino, names));
  }
  if (names.empty() && attr.parent != Ino{0}) TRY_OK(append_names_in(txn, attr.parent, ino, names));
  return names;
}

// The path of a directory; nothing when it does not hang on the root.
Result<std::optional<std::string>> path_of_directory(RecordTxn& txn, Ino directory) {
  std::string path;
  for (int depth = 0; depth < kDepthMax; ++depth) {
    if (directory == kRootIno) return std::optional<std::string>(path);
    if (directory == kTrashRoot) return std::optional<std::string>("/.trash" + path);
    TRY(const std::vector<Name> names, names_of(txn, directory));
    if (names.empty()) return std::optional<std::string>();
    path = "/" + names.front().name + path;
    directory = names.front().parent;
  }
  return std::optional<std::string>();
}

}  // namespace

Result<void> check_name(Ino parent, std::string_view name) {
  if (name.empty() || name == "." || name == "..") return Code::kInvalid;
  if (name.size() > kNameBytesMax) return Code::kNameTooLong;
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) return Code::kInvalid;
  if (parent == kRootIno && name == ".trash") return Code::kNotPermitted;
  return {};
}

Result<Entry> Volume::lookup(const Scope& scope, Ino parent, std::string_view name) {
  if (name.size() > kNameBytesMax) return Code::kNameTooLong;
  return impl_->read(scope, {InodeKey{parent}, EntryKey{parent, std::string(name)}},
                     [&](RecordTxn& txn) { return ops::lookup(txn, parent, name); });
}

Result<Entry> Volume::mknod(const Scope& scope, const Caller& caller, Ino parent, std::string_view name,
                            const NewNode& node) {
  TRY_OK(check_name(parent, name));
  if (node.type == FileType::kSymlink) {
    if (node.symlink_target.empty() || node.symlink_target.find('\0') != std::string::npos) return Code::kInvalid;
    if (node.symlink_target.size() >= kSymlinkBytesMax) return Code::kNameTooLong;
  }
  if (impl_->is_read_only) return Code::kReadOnly;
  TRY(const Ino fresh, fresh_inode(scope, impl_->engine));
  return impl_->change(scope, {InodeKey{parent}, EntryKey{parent, std::string(name)}},
                       [&](RecordTxn& txn, const OpContext& context) {
                         return ops::mknod(txn, context, caller, parent, name, node, fresh);
                       });
}

Result<Entry> Volume::create(const Scope& scope, const Caller& caller, Ino parent, std::string_view name,
                             const NewNode& node) {
  TRY_OK(check_name(parent, name));
  if (node.type != FileType::kRegular) return Code::kInvalid;
  if (impl_->is_read_only) return Code::kReadOnly;
  TRY(const Ino fresh, fresh_inode(scope, impl_->engine));
  TRY_OK(impl_->holds.add(scope, fresh));
  Result<Entry> made = impl_->change(scope, {InodeKey{parent}, EntryKey{parent, std::string(name)}},
                                     [&](RecordTxn& txn, const OpContext& context) {
                                       return ops::mknod(txn, context, caller, parent, name, node, fresh);
                                     });
  if (made) {
    impl_->holds.note_alive(fresh);
  } else {
    (void)impl_->drop_hold(scope, fresh);
  }
  return made;
}

Result<Entry> Volume::create_unnamed(const Scope& scope, const Caller& caller, Ino parent, const NewNode& node) {
  if (node.type != FileType::kRegular) return Code::kInvalid;
  if (impl_->is_read_only) return Code::kReadOnly;
  if (impl_->session == SessionId{0})
    return Error(Code::kNotSupported, "a file without a name needs a session that holds it");
  TRY(const Ino fresh, fresh_inode(scope, impl_->engine));
  Result<Entry> made = impl_->change(scope, {InodeKey{parent}}, [&](RecordTxn& txn, const OpContext& context) {
    return ops::create_unnamed(txn, context, caller, parent, node, fresh);
  });
  if (made) impl_->holds.add_sustained(fresh);
  return made;
}

Result<Removed> Volume::unlink(const Scope& scope, const Caller& caller, Ino parent, std::string_view name) {
  TRY_OK(check_name(parent, name));
  return impl_->change(
      scope, {InodeKey{parent}, EntryKey{parent, std::string(name)}},
      [&](RecordTxn& txn, const OpContext& context) { return ops::unlink(txn, context, caller, parent, name); });
}

Result<Removed> Volume::rmdir(const Scope& scope, const Caller& caller, Ino parent, std::string_view name) {
  TRY_OK(check_name(parent, name));
  return impl_->change(
      scope, {InodeKey{parent}, EntryKey{parent, std::string(name)}},
      [&](RecordTxn& txn, const OpContext& context) { return ops::rmdir(txn, context, caller, parent, name); });
}

Result<Renamed> Volume::rename(const Scope& scope, const Caller& caller, Ino from, std::string_view from_name, Ino to,
                               std::string_view to_name, std::uint32_t flags) {
  TRY_OK(check_name(from, from_name));
  TRY_OK(check_name(to, to_name));
  if ((flags & ~(kRenameNoReplace | kRenameExchange)) != 0 || flags == (kRenameNoReplace | kRenameExchange))
    return Code::kInvalid;
  const ops::RenameEnds ends{from, from_name, to, to_name, flags};
  Result<Renamed> renamed = impl_->change(
      scope, {InodeKey{from}, EntryKey{from, std::string(from_name)}, InodeKey{to}, EntryKey{to, std::string(to_name)}},
      [&](RecordTxn& txn, const OpContext& context) { return ops::rename(txn, context, caller, ends); });
  if (!renamed) return renamed;
  const Entry& moved = renamed->moved;
  if (is_trash(from) && moved.attr.type == FileType::kDirectory && impl_->format.get().dir_stats) {
    // It lost its statistics when it was removed. Should this fail, a check finds them missing.
    (void)impl_->change(scope, {},
                        [&](RecordTxn& txn, const OpContext&) { return ops::sum_dir_stats(txn, moved.ino); });
  }
  return renamed;
}

Result<Entry> Volume::link(const Scope& scope, const Caller&, Ino ino, Ino parent, std::string_view name) {
  TRY_OK(check_name(parent, name));
  return impl_->change(
      scope, {InodeKey{parent}, InodeKey{ino}, EntryKey{parent, std::string(name)}},
      [&](RecordTxn& txn, const OpContext& context) { return ops::link(txn, context, ino, parent, name); });
}

Result<std::string> Volume::readlink(const Scope& scope, Ino ino) {
  return impl_->read(scope, {InodeKey{ino}, records::SymlinkKey{ino}}, [&](RecordTxn& txn) -> Result<std::string> {
    TRY(const Attr attr, ops::load_inode(txn, ino));
    if (attr.type != FileType::kSymlink) return Code::kInvalid;
    TRY(const auto symlink, records::get(txn, records::SymlinkKey{ino}));
    if (!symlink) return Error(Code::kDamaged, "the target of symlink " + std::to_string(ino.value()) + " is missing");
    return symlink->target;
  });
}

Result<std::vector<DirEntry>> Volume::readdir(const Scope& scope, Ino directory, std::string_view after,
                                              std::size_t limit, bool with_attrs) {
  return impl_->read(scope, {InodeKey{directory}}, [&](RecordTxn& txn) -> Result<std::vector<DirEntry>> {
    TRY_OK(ops::load_directory(txn, directory));
    TRY(std::vector<Item> rows, txn.scan(EntriesOf{directory, std::string(after), with_attrs}, limit));
    std::vector<DirEntry> entries;
    for (Item& row : rows) {
      if (const auto* name = std::get_if<EntryKey>(&row.key)) {
        const auto& entry = std::get<EntryRecord>(row.record);
        entries.push_back({name->name, entry.ino, entry.type, std::nullopt});
      } else if (!entries.empty()) {
        entries.back().attr = std::get<Attr>(std::move(row.record));
      }
    }
    return entries;
  });
}

Result<Ino> Volume::parent_of(const Scope& scope, Ino ino) {
  if (ino == kRootIno || ino == kTrashRoot) return kRootIno;
  return impl_->read(scope, {InodeKey{ino}}, [&](RecordTxn& txn) -> Result<Ino> {
    TRY(const Attr attr, ops::load_inode(txn, ino));
    if (attr.parent != Ino{0}) return attr.parent;
    TRY(const std::vector<ops::ParentCount> parents, ops::parents_of(txn, ino, attr));
    if (parents.empty()) return Code::kNotFound;
    return parents.front().parent;
  });
}

Result<std::vector<std::string>> Volume::paths_of(const Scope& scope, Ino ino, std::size_t limit) {
  return impl_->read(scope, {InodeKey{ino}}, [&](RecordTxn& txn) -> Result<std::vector<std::string>> {
    if (ino == kRootIno) return std::vector<std::string>{"/"};
    if (ino == kTrashRoot) return std::vector<std::string>{"/.trash"};
    TRY(const std::vector<Name> names, names_of(txn, ino));
    std::vector<std::string> paths;
    for (const Name& name : names) {
      if (paths.size() >= limit) break;
      TRY(const std::optional<std::string> directory, path_of_directory(txn, name.parent));
      if (directory) paths.push_back(*directory + "/" + name.name);
    }
    return paths;
  });
}

}  // namespace headrace::meta
