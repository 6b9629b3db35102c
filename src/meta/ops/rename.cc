// SPDX-License-Identifier: Apache-2.0
// rename: a name moves, onto nothing, onto something that goes, or in exchange for something.
#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/permission.h"
#include "meta/ops/remove.h"

namespace headrace::meta::ops {
namespace {

bool is_directory(const Attr& attr) { return attr.type == FileType::kDirectory; }

// What stands under the new name before. The inode may be missing.
struct Target {
  EntryRecord entry;
  std::optional<Attr> attr;
};

// The records of both directories; one when they are the same.
struct Directories {
  Attr from;
  std::optional<Attr> other;  // of `ends.to`, when it is another one

  Attr& to() { return other ? *other : from; }
  const Attr& to() const { return other ? *other : from; }
};

Result<Directories> load_directories(RecordTxn& txn, const Caller& caller, const RenameEnds& ends) {
  Directories directories;
  TRY(directories.from, load_directory(txn, ends.from));
  if (ends.to != ends.from) {
    TRY(directories.other, load_directory(txn, ends.to));
  }
  TRY_OK(check_may_remove_from(caller, ends.from, directories.from));
  TRY_OK(check_may_add(ends.to, directories.to()));
  return directories;
}

Result<std::optional<Target>> find_target(RecordTxn& txn, const RenameEnds& ends) {
  TRY(const std::optional<EntryRecord> entry, find_entry(txn, ends.to, ends.to_name));
  if (!entry) return std::optional<Target>();
  TRY(const std::optional<Attr> attr, get(txn, InodeKey{entry->ino}));
  return std::optional<Target>(Target{*entry, attr});
}

// Whether the target may be replaced by what moves.
Result<void> check_replaceable(RecordTxn& txn, const Caller& caller, const RenameEnds& ends, const Attr& to,
                               const Attr& moved, const Target& target) {
  TRY_OK(check_may_remove_from(caller, ends.to, to));
  if (target.attr) TRY_OK(check_may_go(caller, to, *target.attr));
  const bool onto_directory = target.entry.type == FileType::kDirectory;
  if (is_directory(moved) && !onto_directory) return Code::kNotDirectory;
  if (!is_directory(moved) && onto_directory) return Code::kIsDirectory;
  if (!onto_directory) return {};
  TRY(const bool empty, txn.is_empty(EntriesOf{target.entry.ino, {}, false}));
  if (!empty) return Code::kNotEmpty;
  return {};
}

Result<void> check_exchangeable(RecordTxn& txn, const Caller& caller, const RenameEnds& ends, const Attr& to,
                                const Target& target) {
  if (is_trash(ends.from)) return Code::kNotPermitted;
  if (!target.attr) return Code::kNotFound;
  TRY_OK(check_may_remove_from(caller, ends.to, to));
  TRY_OK(check_may_go(caller, to, *target.attr));
  if (!is_directory(*target.attr)) return {};
  TRY(const bool is_circle, is_inside(txn, ends.from, target.entry.ino));
  if (is_circle) return Code::kInvalid;
  return {};
}

// An inode changes its directory: the way back to it, and the sums of both.
void move_between(RecordTxn& txn, const OpContext& context, Ino ino, Attr& attr, Ino from, Ino to) {
  if (is_directory(attr) || attr.parent != Ino{0}) {
    attr.parent = to;
  } else {
    add(txn, ParentLinkKey{ino, to}, 1);
    add(txn, ParentLinkKey{ino, from}, -1);
  }
  add_dir_stats(txn, context, from, -usage_of(attr));
  add_dir_stats(txn, context, to, usage_of(attr));
}

// Both directories get their times and numbers of sub-directories. A directory of the trash has neither.
void put_directories(RecordTxn& txn, const OpContext& context, const RenameEnds& ends, Directories directories,
                     int from_links, int to_links) {
  const auto with = [](std::uint32_t nlink, int links) {
    return static_cast<std::uint32_t>(static_cast<std::int64_t>(nlink) + links);
  };
  if (!directories.other) {
    const int links = from_links + to_links;
    directories.from.nlink = with(directories.from.nlink, links);
    if (touch_directory(context, directories.from, links != 0)) put(txn, InodeKey{ends.from}, directories.from);
    return;
  }
  directories.from.nlink = with(directories.from.nlink, from_links);
  directories.other->nlink = with(directories.other->nlink, to_links);
  if (!is_trash(ends.from) && touch_directory(context, directories.from, from_links != 0))
    put(txn, InodeKey{ends.from}, directories.from);
  if (touch_directory(context, *directories.other, to_links != 0)) put(txn, InodeKey{ends.to}, *directories.other);
}

Result<void> check_move(RecordTxn& txn, const Caller& caller, const RenameEnds& ends, const Directories& directories,
                        Ino ino, const Attr& moved) {
  TRY_OK(check_may_go(caller, directories.from, moved));
  if (!is_directory(moved) || ends.from == ends.to) return {};
  TRY(const bool is_circle, is_inside(txn, ends.to, ino));
  if (is_circle) return Code::kInvalid;
  if (directories.to().nlink >= kLinksMax) return Code::kTooManyLinks;
  return {};
}

Result<Renamed> exchange(RecordTxn& txn, const OpContext& context, const RenameEnds& ends,
                         const Directories& directories, Entry moved, Entry other) {
  moved.attr.ctime = context.now;
  other.attr.ctime = context.now;
  int from_links = 0;
  if (ends.from != ends.to) {
    move_between(txn, context, moved.ino, moved.attr, ends.from, ends.to);
    move_between(txn, context, other.ino, other.attr, ends.to, ends.from);
    from_links = (is_directory(other.attr) ? 1 : 0) - (is_directory(moved.attr) ? 1 : 0);
  }
  put(txn, InodeKey{moved.ino}, moved.attr);
  put(txn, InodeKey{other.ino}, other.attr);
  put(txn, EntryKey{ends.to, std::string(ends.to_name)}, EntryRecord{moved.ino, moved.attr.type});
  put(txn, EntryKey{ends.from, std::string(ends.from_name)}, EntryRecord{other.ino, other.attr.type});
  put_directories(txn, context, ends, directories, from_links, -from_links);
  return Renamed{std::move(moved), std::nullopt};
}

// The plain move, with what stood under the new name removed as unlink and rmdir do it.
Result<Renamed> replace(RecordTxn& txn, const OpContext& context, const RenameEnds& ends,
                        const Directories& directories, Entry moved, const std::optional<Target>& target) {
  Renamed renamed;
  int from_links = 0, to_links = 0;
  if (target) {
    const EntryRecord& entry = target->entry;
    if (!target->attr) {
      renamed.replaced = remove_nothing(entry);
    } else if (is_directory(*target->attr)) {
      TRY(renamed.replaced, remove_directory(txn, context, ends.to, ends.to_name, entry.ino, *target->attr));
    } else {
      TRY(renamed.replaced, remove_file(txn, context, ends.to, ends.to_name, entry.ino, *target->attr));
    }
    if (entry.type == FileType::kDirectory) --to_links;
  }
  moved.attr.ctime = context.now;
  if (ends.from != ends.to) {
    move_between(txn, context, moved.ino, moved.attr, ends.from, ends.to);
    if (is_directory(moved.attr)) {
      --from_links;
      ++to_links;
    }
  }
  put(txn, InodeKey{moved.ino}, moved.attr);
  erase(txn, EntryKey{ends.from, std::string(ends.from_name)});
  put(txn, EntryKey{ends.to, std::string(ends.to_name)}, EntryRecord{moved.ino, moved.attr.type});
  put_directories(txn, context, ends, directories, from_links, to_links);
  renamed.moved = std::move(moved);
  return renamed;
}

}  // namespace

Result<Renamed> rename(RecordTxn& txn, const OpContext& context, const Caller& caller, const RenameEnds& ends) {
  TRY(const Directories directories, load_directories(txn, caller, ends));
  TRY(const EntryRecord entry, load_entry(txn, ends.from, ends.from_name));
  TRY(const Attr attr, load_inode(txn, entry.ino));
  const Entry moved{entry.ino, attr};
  TRY(const std::optional<Target> target, find_target(txn, ends));
  if (target && (ends.flags & kRenameNoReplace) != 0) return Code::kExists;
  if (!target && (ends.flags & kRenameExchange) != 0) return Code::kNotFound;
  if (target && target->entry.ino == entry.ino)
    return Renamed{moved, std::nullopt};  // two names of one file: POSIX keeps both

  TRY_OK(check_move(txn, caller, ends, directories, entry.ino, attr));
  if ((ends.flags & kRenameExchange) != 0) {
    TRY_OK(check_exchangeable(txn, caller, ends, directories.to(), *target));
    return exchange(txn, context, ends, directories, moved, {target->entry.ino, *target->attr});
  }
  if (target) TRY_OK(check_replaceable(txn, caller, ends, directories.to(), attr, *target));
  return replace(txn, context, ends, directories, moved, target);
}

}  // namespace headrace::meta::ops
