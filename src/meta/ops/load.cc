// SPDX-License-Identifier: Apache-2.0
// Inodes, entries, parents.
#include "meta/ops/load.h"

#include <algorithm>

namespace headrace::meta::ops {
namespace {

// A chain of parents longer than this is taken for a circle.
constexpr int kDepthMax = 1 << 20;
// A file has at most so many names that are looked at when its length changes.
constexpr std::size_t kLinksLookedAtMax = 1 << 20;

}  // namespace

Result<Attr> load_inode(RecordTxn& txn, Ino ino) {
  TRY(const std::optional<Attr> attr, get(txn, InodeKey{ino}));
  if (!attr) return Code::kNotFound;
  return *attr;
}

Result<Attr> load_directory(RecordTxn& txn, Ino ino) {
  TRY(const Attr attr, load_inode(txn, ino));
  if (attr.type != FileType::kDirectory) return Code::kNotDirectory;
  return attr;
}

Result<Attr> load_regular_file(RecordTxn& txn, Ino ino) {
  TRY(const Attr attr, load_inode(txn, ino));
  if (attr.type == FileType::kDirectory) return Code::kIsDirectory;
  if (attr.type != FileType::kRegular) return Code::kInvalid;
  return attr;
}

Result<std::optional<EntryRecord>> find_entry(RecordTxn& txn, Ino parent, std::string_view name) {
  return get(txn, EntryKey{parent, std::string(name)});
}

Result<EntryRecord> load_entry(RecordTxn& txn, Ino parent, std::string_view name) {
  TRY(const std::optional<EntryRecord> entry, find_entry(txn, parent, name));
  if (!entry) return Code::kNotFound;
  return *entry;
}

Attr attr_of_missing_inode(Ino parent, FileType type) {
  Attr attr;
  attr.type = type;
  attr.parent = parent;
  attr.nlink = type == FileType::kDirectory ? 2 : 1;
  return attr;
}

Result<bool> is_inside(RecordTxn& txn, Ino inner, Ino outer) {
  Ino at = inner;
  for (int depth = 0; depth < kDepthMax; ++depth) {
    if (at == outer) return true;
    if (at == kRootIno || at == kTrashRoot) return false;
    TRY(const std::optional<Attr> attr, get(txn, InodeKey{at}));
    if (!attr) return false;  // cut off from the root, so below nothing that has a name
    at = attr->parent;
  }
  return Error(Code::kDamaged, "the parents of inode " + std::to_string(inner.value()) + " run in a circle");
}

Result<std::vector<ParentCount>> parents_of(RecordTxn& txn, Ino ino, const Attr& attr) {
  std::vector<ParentCount> parents;
  if (attr.parent != Ino{0}) {
    if (attr.nlink > 0) parents.push_back({attr.parent, 1});
    return parents;
  }
  TRY(const std::vector<Item> links, txn.scan(LinksTo{ino}, kLinksLookedAtMax));
  for (const Item& link : links) {
    ParentCount found{{}, 1};
    if (const auto* entry = std::get_if<EntryKey>(&link.key)) {
      found.parent = entry->parent;
    } else if (const auto* counted = std::get_if<ParentLinkKey>(&link.key)) {
      found = {counted->parent, std::get<std::int64_t>(link.record)};
      if (found.names <= 0) continue;  // left behind by links that are gone
    } else {
      continue;
    }
    const auto same = std::ranges::find(parents, found.parent, &ParentCount::parent);
    if (same == parents.end()) {
      parents.push_back(found);
    } else {
      same->names += found.names;
    }
  }
  return parents;
}

}  // namespace headrace::meta::ops
