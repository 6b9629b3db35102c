// SPDX-License-Identifier: Apache-2.0
// What hangs on inodes, and what chunk lists name.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "meta/check_report.h"
#include "meta/compaction_plan.h"
#include "meta/overlay.h"

namespace headrace::meta {
namespace {

using records::InodeKey;
using records::Item;
using records::RecordTxn;
using records::Slice;
using records::SliceList;
using records::SliceRefKey;
using records::SlicesKey;
using records::Whole;

// References shorter than this are never skipped.
constexpr std::uint32_t kSkippedBytesMin = 1u << 20;

// What a compaction of nothing but holes leaves, the real client's too: one byte, a zero, shown whole, wherever the
// last hole began. Nothing was in front of it but big references, which compaction skips.
bool may_be_compacted_hole(const SliceList& list, const Slice& piece) {
  if (piece.size != 1) return false;
  for (const Slice& reference : list) {
    if (reference.id == piece.id) return true;
    if (reference.id == SliceId{0} || reference.len < kSkippedBytesMin) return false;
  }
  return false;
}

Result<void> check_list(RecordTxn& txn, const SlicesKey& key, const SliceList& list, Findings& findings) {
  ++findings.report().chunks;
  const std::uint64_t ino = key.ino.value();
  const auto find = [&](FindingKind kind, std::string sentence) { findings.add(kind, key.ino, std::move(sentence)); };
  TRY(const std::optional<Attr> attr, get_or_find(txn, InodeKey{key.ino}, findings));
  if (!attr) {
    TRY(const auto deleted, get_or_find(txn, records::DeletedFileKey{key.ino}, findings));
    if (!deleted)
      find(FindingKind::kStrayRecord,
           fmt::format("chunk {} belongs to inode {}, which does not exist", key.chunk.value(), ino));
  }
  if (list.size() > kSliceListMax)
    find(FindingKind::kLongList,
         fmt::format("chunk {} of inode {} has {} references", key.chunk.value(), ino, list.size()));
  const Result<SliceList> pieces = visible_pieces(list);
  if (!pieces) {
    find(FindingKind::kDamagedList,
         fmt::format("chunk {} of inode {}: {}", key.chunk.value(), ino, pieces.error().text()));
    return {};
  }
  if (!attr) return {};
  for (const Slice& piece : *pieces) {
    const std::uint64_t from = start_of(key.chunk) + piece.pos;
    if (piece.id == SliceId{0} || from + piece.len <= attr->length) continue;
    const std::uint32_t inside = from >= attr->length ? 0 : static_cast<std::uint32_t>(attr->length - from);
    const Slice beyond{piece.pos + inside, piece.id, piece.size, piece.off + inside, piece.len - inside};
    findings.add_doubt({{FindingKind::kDataBeyondLength, key.ino, piece.id,
                         fmt::format("chunk {} of inode {} shows data behind the file's length {}", key.chunk.value(),
                                     ino, attr->length)},
                        beyond,
                        may_be_compacted_hole(list, piece)});
  }
  return {};
}

Result<void> check_sustained(RecordTxn& txn, Findings& findings) {
  return for_each(txn, Whole::kSustained, findings, [&](const Item& item) -> Result<void> {
    const Ino ino = std::get<records::SustainedKey>(item.key).ino;
    TRY(const std::optional<Attr> attr, get_or_find(txn, InodeKey{ino}, findings));
    if (!attr)
      findings.add(FindingKind::kWrongSustained, ino,
                   fmt::format("inode {} is sustained and does not exist", ino.value()));
    if (attr && attr->nlink > 0)
      findings.add(FindingKind::kWrongSustained, ino, fmt::format("inode {} is sustained and has a name", ino.value()));
    return {};
  });
}

Result<void> check_symlinks(RecordTxn& txn, Findings& findings) {
  return for_each(txn, Whole::kInodes, findings, [&](const Item& item) -> Result<void> {
    const auto& attr = std::get<Attr>(item.record);
    if (attr.type != FileType::kSymlink) return {};
    const Ino ino = std::get<InodeKey>(item.key).ino;
    TRY(const auto target, get_or_find(txn, records::SymlinkKey{ino}, findings));
    if (!target) {
      findings.add(FindingKind::kNoTarget, ino, fmt::format("symlink {} has no target", ino.value()));
    } else if (target->target.size() != attr.length) {
      findings.add(FindingKind::kNoTarget, ino,
                   fmt::format("symlink {} has length {} and a target of {} bytes", ino.value(), attr.length,
                               target->target.size()));
    }
    return {};
  });
}

// Records of one kind whose inode does not exist.
template <class K>
Result<void> check_strays(RecordTxn& txn, Whole what, const char* noun, Findings& findings) {
  return for_each(txn, what, findings, [&](const Item& item) -> Result<void> {
    const Ino ino = std::get<K>(item.key).ino;
    TRY(const std::optional<Attr> attr, get_or_find(txn, InodeKey{ino}, findings));
    if (!attr)
      findings.add(FindingKind::kStrayRecord, ino,
                   fmt::format("{} of inode {}, which does not exist", noun, ino.value()));
    return {};
  });
}

// The `limit` smallest slices behind `after`, whatever the order they are met in.
class Window {
 public:
  Window(SliceId after, std::size_t limit) : after_(after), limit_(limit) {}

  void add_reference(SliceRefKey key) {
    if (auto* count = slot(key)) ++count->references;
  }
  void set_stored(SliceRefKey key, std::int64_t stored) {
    if (auto* count = slot(key)) {
      count->is_known = true;
      count->stored = stored;
    }
  }
  std::map<SliceRefKey, SliceWindow::Count>& counts() { return counts_; }
  bool was_full() const { return was_full_; }

 private:
  SliceWindow::Count* slot(const SliceRefKey& key) {
    if (key.id == SliceId{0} || key.id <= after_) return nullptr;
    if (was_full_ && key.id > last_) return nullptr;
    SliceWindow::Count* count = &counts_[key];
    if (counts_.size() <= limit_) return count;
    // The largest ids go, all sizes of one together, so that the next window begins with whole numbers.
    was_full_ = true;
    const SliceId largest = counts_.rbegin()->first.id;
    while (counts_.rbegin()->first.id == largest && counts_.size() > 1) counts_.erase(std::prev(counts_.end()));
    last_ = counts_.rbegin()->first.id;
    return key.id == largest ? nullptr : count;
  }

  const SliceId after_;
  const std::size_t limit_;
  SliceId last_;
  bool was_full_ = false;
  std::map<SliceRefKey, SliceWindow::Count> counts_;
};

}  // namespace

Result<void> check_attachments(RecordTxn& txn, Findings& findings) {
  TRY_OK(check_sustained(txn, findings));
  TRY_OK(check_symlinks(txn, findings));
  TRY_OK(check_strays<records::XattrKey>(txn, Whole::kXattrs, "an extended attribute", findings));
  TRY_OK(check_strays<records::SymlinkKey>(txn, Whole::kSymlinks, "the target of a symlink", findings));
  TRY_OK(check_strays<records::DirStatsKey>(txn, Whole::kDirStats, "statistics", findings));
  return for_each(txn, Whole::kSlices, findings, [&](const Item& item) {
    return check_list(txn, std::get<SlicesKey>(item.key), std::get<SliceList>(item.record), findings);
  });
}

Result<SliceWindow> count_slices(RecordTxn& txn, SliceId after, std::size_t limit, Findings& findings) {
  Window window(after, std::max<std::size_t>(limit, 2));
  TRY_OK(for_each(txn, Whole::kSlices, findings, [&](const Item& item) -> Result<void> {
    for (const Slice& slice : std::get<SliceList>(item.record)) window.add_reference({slice.id, slice.size});
    return {};
  }));
  TRY_OK(for_each(txn, Whole::kDelayedSlices, findings, [&](const Item& item) -> Result<void> {
    for (const SliceRefKey& slice : std::get<records::DelayedSlicesRecord>(item.record).slices)
      window.add_reference(slice);
    return {};
  }));
  TRY_OK(for_each(txn, Whole::kSliceRefs, findings, [&](const Item& item) -> Result<void> {
    window.set_stored(std::get<SliceRefKey>(item.key), std::get<std::int64_t>(item.record));
    return {};
  }));
  SliceWindow counted;
  counted.is_last = !window.was_full();
  for (auto& [key, count] : window.counts()) {
    if (!count.is_known) {
      // Engines that keep no record for one reference answer 1.
      TRY(const std::optional<std::int64_t> stored, records::get(txn, key));
      count.is_known = stored.has_value();
      count.stored = stored.value_or(0);
    }
    counted.slices.emplace_back(key, count);
  }
  return counted;
}

void check_slices(const SliceWindow& window, Findings& findings) {
  for (const auto& [key, count] : window.slices) {
    // A count of 0 or below waits for its objects to be deleted.
    if (count.is_known && (count.stored == count.references || (count.references == 0 && count.stored <= 0))) continue;
    const std::string stored = count.is_known ? fmt::format("a count of {}", count.stored) : "no count";
    findings.add({FindingKind::kWrongSliceRefs, Ino{0}, key.id,
                  fmt::format("slice {} of {} bytes has {} and {} references", key.id.value(), key.size, stored,
                              count.references)});
  }
}

}  // namespace headrace::meta
