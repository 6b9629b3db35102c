// SPDX-License-Identifier: Apache-2.0
// The order of a check, and how findings are kept.
#include "meta/check.h"

#include "meta/check_report.h"
#include "meta/volume.h"
#include "records/range.h"

namespace headrace::meta {
namespace {

using records::Item;
using records::RecordTxn;

constexpr std::size_t kRowsAtOnce = 1024;

Result<void> settle_doubts(std::vector<Doubt> doubts, const CheckOptions& options, Findings& findings) {
  for (Doubt& doubt : doubts) {
    bool is_zero = doubt.is_likely_zero;
    if (options.is_zero) {
      const Result<bool> answer = options.is_zero(doubt.beyond);
      // Missing objects are somebody else's finding.
      if (!answer && answer.code() != Code::kNotFound && answer.code() != Code::kDamaged) return answer.error();
      is_zero = !answer || *answer;
    }
    if (!is_zero) findings.add(std::move(doubt.finding));
  }
  return {};
}

Result<void> check_all_slices(const Scope& scope, records::RecordEngine& engine, const CheckOptions& options,
                              Findings& findings) {
  SliceId after;
  for (;;) {
    TRY(const SliceWindow window, engine.read(scope, {}, [&](RecordTxn& txn) {
      return count_slices(txn, after, options.slices_at_once, findings);
    }));
    check_slices(window, findings);
    for (const auto& [key, count] : window.slices) {
      if (count.references > 0) ++findings.report().slices;
      if (count.references > 0 && options.needed_slice) TRY_OK(options.needed_slice(key.id, key.size));
      after = key.id;
    }
    if (window.is_last) return {};
  }
}

}  // namespace

std::string_view name_of(FindingKind kind) {
  switch (kind) {
    case FindingKind::kNoRoot: return "no_root";
    case FindingKind::kEntryWithoutInode: return "entry_without_inode";
    case FindingKind::kWrongEntryType: return "wrong_entry_type";
    case FindingKind::kWrongParent: return "wrong_parent";
    case FindingKind::kWrongLinkCount: return "wrong_link_count";
    case FindingKind::kNamelessInode: return "nameless_inode";
    case FindingKind::kDeletedInode: return "deleted_inode";
    case FindingKind::kWrongSustained: return "wrong_sustained";
    case FindingKind::kNoTarget: return "no_target";
    case FindingKind::kStrayRecord: return "stray_record";
    case FindingKind::kWrongDirStats: return "wrong_dir_stats";
    case FindingKind::kNoDirStats: return "no_dir_stats";
    case FindingKind::kWrongCounter: return "wrong_counter";
    case FindingKind::kDamagedList: return "damaged_list";
    case FindingKind::kLongList: return "long_list";
    case FindingKind::kDataBeyondLength: return "data_beyond_length";
    case FindingKind::kWrongSliceRefs: return "wrong_slice_refs";
    case FindingKind::kDamagedRecord: return "damaged_record";
  }
  return "";
}

void Findings::add(Finding finding) {
  ++report_.findings_total;
  if (report_.findings.size() < findings_max_) report_.findings.push_back(std::move(finding));
}

void Findings::add_doubt(Doubt doubt) {
  if (doubts_.size() < findings_max_)
    doubts_.push_back(std::move(doubt));
  else
    add(std::move(doubt.finding));
}

Result<void> for_each(RecordTxn& txn, records::Whole what, Findings& findings,
                      FunctionRef<Result<void>(const Item&)> visit) {
  std::uint64_t after = 0;
  for (;;) {
    const Result<std::vector<Item>> page = txn.scan(records::WholeVolume{what, after}, kRowsAtOnce);
    if (!page && page.code() == Code::kDamaged) {
      findings.add(FindingKind::kDamagedRecord, Ino{0},
                   "a list ends at a record that cannot be read: " + page.error().text());
      return {};
    }
    if (!page) return page.error();
    for (const Item& item : *page) TRY_OK(visit(item));
    if (page->empty()) return {};
    after = records::page_number_of(page->back().key);
  }
}

Result<std::optional<records::Record>> get_or_find(RecordTxn& txn, const records::Key& key, Ino ino,
                                                   Findings& findings) {
  Result<std::optional<records::Record>> record = txn.get(key);
  if (!record && record.code() == Code::kDamaged) {
    findings.add(FindingKind::kDamagedRecord, ino,
                 "a record of inode " + std::to_string(ino.value()) + " cannot be read: " + record.error().text());
    return std::optional<records::Record>();
  }
  return record;
}

Result<CheckReport> check_volume(const Scope& scope, records::RecordEngine& engine, const CheckOptions& options) {
  TRY(const VolumeFormat format, load_format(scope, engine));
  CheckReport report;
  std::vector<Doubt> doubts;
  TRY_OK(engine.read(scope, {}, [&](RecordTxn& txn) -> Result<void> {
    report = {};  // it may be a second run
    Findings found(report, options.findings_max);
    TRY_OK(check_names(txn, format, engine.traits().links_are_derived, found));
    TRY_OK(check_attachments(txn, found));
    doubts = found.take_doubts();
    return {};
  }));
  Findings findings(report, options.findings_max);
  TRY_OK(settle_doubts(std::move(doubts), options, findings));
  TRY_OK(check_all_slices(scope, engine, options, findings));
  return report;
}

}  // namespace headrace::meta
