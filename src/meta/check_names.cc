// SPDX-License-Identifier: Apache-2.0
// Do names and inodes agree?
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "meta/check_report.h"
#include "meta/ops/account.h"

namespace headrace::meta {
namespace {

using records::DirStatsRecord;
using records::EntryKey;
using records::EntryRecord;
using records::InodeKey;
using records::Item;
using records::RecordTxn;

constexpr std::size_t kRowsAtOnce = 1024;
// More names of one inode are not counted.
constexpr std::size_t kLinksMax = 1 << 20;

// What a directory's entries amount to.
struct Children {
  DirStatsRecord sum;
  std::uint32_t directories = 0;
};

class NamesCheck {
 public:
  NamesCheck(RecordTxn& txn, const VolumeFormat& format, bool links_are_derived, Findings& findings)
      : txn_(txn), format_(format), links_are_derived_(links_are_derived), findings_(findings) {}

  Result<void> run() {
    TRY(const std::optional<Attr> root, get_or_find(txn_, InodeKey{kRootIno}, findings_));
    if (!root || root->type != FileType::kDirectory)
      find(FindingKind::kNoRoot, kRootIno, "the root directory is missing");
    TRY_OK(for_each(txn_, records::Whole::kInodes, findings_, [this](const Item& item) {
      return check_inode(std::get<InodeKey>(item.key).ino, std::get<Attr>(item.record));
    }));
    TRY_OK(check_counter("usedSpace", static_cast<std::int64_t>(findings_.report().used_bytes)));
    return check_counter("totalInodes", inodes_);
  }

 private:
  void find(FindingKind kind, Ino ino, std::string sentence) { findings_.add(kind, ino, std::move(sentence)); }

  Result<void> check_inode(Ino ino, const Attr& attr) {
    count(ino, attr);
    TRY(const auto deleted, get_or_find(txn_, records::DeletedFileKey{ino}, findings_));
    if (deleted)
      find(FindingKind::kDeletedInode, ino, fmt::format("inode {} exists and is listed as deleted", ino.value()));
    if (attr.type == FileType::kDirectory) TRY_OK(check_directory(ino, attr));
    if (ino == kRootIno || ino == kTrashRoot) return {};
    return check_names_of(ino, attr);
  }

  void count(Ino ino, const Attr& attr) {
    if (ino == kRootIno || ino == kTrashRoot) return;
    CheckReport& report = findings_.report();
    ++(attr.type == FileType::kDirectory ? report.directories
       : attr.type == FileType::kRegular ? report.files
                                         : report.others);
    report.used_bytes += space_of(attr);
    ++inodes_;
  }

  Result<void> check_directory(Ino ino, const Attr& attr) {
    Children children;
    std::string after;
    for (;;) {
      TRY(const std::vector<Item> page, txn_.scan(records::EntriesOf{ino, after, false}, kRowsAtOnce));
      for (const Item& item : page) {
        after = std::get<EntryKey>(item.key).name;
        TRY_OK(check_entry(ino, after, std::get<EntryRecord>(item.record), children));
      }
      if (page.size() < kRowsAtOnce) break;
    }
    // The trash root and its hours say 2 whatever they hold.
    const std::uint32_t links = is_trash(ino) ? 2 : 2 + children.directories;
    if (attr.nlink != links) {
      find(FindingKind::kWrongLinkCount, ino,
           fmt::format("directory {} has nlink {}, its sub-directories make it {}", ino.value(), attr.nlink, links));
    }
    return check_dir_stats(ino, attr, children.sum);
  }

  Result<void> check_entry(Ino directory, const std::string& name, const EntryRecord& entry, Children& children) {
    if (entry.type == FileType::kDirectory) ++children.directories;
    TRY(const std::optional<Attr> attr, get_or_find(txn_, InodeKey{entry.ino}, findings_));
    if (!attr) {
      find(FindingKind::kEntryWithoutInode, entry.ino,
           fmt::format("the name \"{}\" in directory {} leads to inode {}, which does not exist", name,
                       directory.value(), entry.ino.value()));
      return {};
    }
    const ops::Usage usage = ops::usage_of(*attr);
    children.sum.length += usage.length;
    children.sum.space += usage.space;
    children.sum.inodes += usage.inodes;
    if (attr->type != entry.type) {
      find(FindingKind::kWrongEntryType, entry.ino,
           fmt::format("the name \"{}\" in directory {} says another type than inode {}", name, directory.value(),
                       entry.ino.value()));
    }
    const bool says_parent = attr->type == FileType::kDirectory || attr->parent != Ino{0};
    if (says_parent && attr->parent != directory) {
      find(FindingKind::kWrongParent, entry.ino,
           fmt::format("inode {} lies in directory {} and says {}", entry.ino.value(), directory.value(),
                       attr->parent.value()));
    }
    return {};
  }

  Result<void> check_dir_stats(Ino ino, const Attr& attr, const DirStatsRecord& sum) {
    if (!format_.dir_stats || ino == kTrashRoot) return {};
    TRY(const auto stats, get_or_find(txn_, records::DirStatsKey{ino}, findings_));
    if (!stats) {
      // Removed directories lose theirs on the way into the trash, and the root gets its first ones from the first
      // mount.
      if (attr.parent <= kTrashRoot && ino != kRootIno) {
        find(FindingKind::kNoDirStats, ino, fmt::format("directory {} has no statistics", ino.value()));
      }
      return {};
    }
    if (*stats == sum) return {};
    find(
        FindingKind::kWrongDirStats, ino,
        fmt::format("the statistics of directory {} say length {}, space {}, inodes {}; its entries make it {}, {}, {}",
                    ino.value(), stats->length, stats->space, stats->inodes, sum.length, sum.space, sum.inodes));
    return {};
  }

  Result<void> check_names_of(Ino ino, const Attr& attr) {
    TRY(const std::int64_t names, count_names(ino, attr));
    if (names == 0) return check_nameless(ino, attr);
    if (attr.type != FileType::kDirectory && attr.nlink != names) {
      find(FindingKind::kWrongLinkCount, ino,
           fmt::format("inode {} has nlink {} and {} names", ino.value(), attr.nlink, names));
    }
    if (attr.type == FileType::kDirectory && names != 1) {
      find(FindingKind::kWrongLinkCount, ino, fmt::format("directory {} has {} names", ino.value(), names));
    }
    return {};
  }

  Result<std::int64_t> count_names(Ino ino, const Attr& attr) {
    TRY(const std::vector<Item> links, txn_.scan(records::LinksTo{ino}, kLinksMax));
    std::int64_t names = 0;
    for (const Item& link : links) {
      const auto* counted = std::get_if<std::int64_t>(&link.record);
      names += counted == nullptr ? 1 : std::max<std::int64_t>(*counted, 0);
    }
    // Where parents are kept apart, they are kept for hard links alone.
    if (names == 0 && !links_are_derived_ && attr.parent != Ino{0} && attr.nlink > 0) return 1;
    return names;
  }

  Result<void> check_nameless(Ino ino, const Attr& attr) {
    TRY(const auto clone, get_or_find(txn_, records::DetachedKey{ino}, findings_));
    if (clone) return {};  // the root of a clone in progress
    if (attr.nlink == 0) {
      TRY(const bool sustained, is_sustained(ino));
      if (sustained) return {};
    }
    find(FindingKind::kNamelessInode, ino,
         fmt::format("inode {} has nlink {} and no name, and nobody holds it", ino.value(), attr.nlink));
    return {};
  }

  // All that any session sustains, read when it is first asked for.
  Result<bool> is_sustained(Ino ino) {
    if (!sustained_) {
      sustained_.emplace();
      TRY_OK(for_each(txn_, records::Whole::kSustained, findings_, [this](const Item& item) -> Result<void> {
        sustained_->insert(std::get<records::SustainedKey>(item.key).ino);
        return {};
      }));
    }
    return sustained_->contains(ino);
  }

  Result<void> check_counter(const std::string& name, std::int64_t sum) {
    TRY(const auto stored, records::get(txn_, records::CounterKey{name}));
    if (stored.value_or(0) == sum) return {};
    find(FindingKind::kWrongCounter, Ino{0},
         fmt::format("{} says {}; the inodes make it {}", name, stored.value_or(0), sum));
    return {};
  }

  RecordTxn& txn_;
  const VolumeFormat& format_;
  const bool links_are_derived_;
  Findings& findings_;
  std::int64_t inodes_ = 0;
  std::optional<std::unordered_set<Ino>> sustained_;
};

}  // namespace

Result<void> check_names(RecordTxn& txn, const VolumeFormat& format, bool links_are_derived, Findings& findings) {
  return NamesCheck(txn, format, links_are_derived, findings).run();
}

}  // namespace headrace::meta
