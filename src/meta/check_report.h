// SPDX-License-Identifier: Apache-2.0
// The parts of a check: each looks at one thing and puts what it finds into the report. Used inside this room.
#pragma once

#include <utility>
#include <vector>

#include "base/function_ref.h"
#include "meta/check.h"
#include "meta/volume_format.h"

namespace headrace::meta {

/// A finding unless the bytes that a file shows behind its length are zeros, which only their objects can say.
struct Doubt {
  Finding finding;
  records::Slice beyond;
  bool is_likely_zero = false;
};

class Findings {
 public:
  Findings(CheckReport& report, std::size_t findings_max) : report_(report), findings_max_(findings_max) {}
  CheckReport& report() { return report_; }
  void add(FindingKind kind, Ino ino, std::string sentence) { add({kind, ino, {}, std::move(sentence)}); }
  void add(Finding finding);
  /// As many as findings are kept; what is more is taken for a finding.
  void add_doubt(Doubt doubt);
  std::vector<Doubt> take_doubts() { return std::move(doubts_); }

 private:
  CheckReport& report_;
  const std::size_t findings_max_;
  std::vector<Doubt> doubts_;
};

/// Every item of a list over the volume, page by page. A page that is damaged is a finding and ends the list.
Result<void> for_each(records::RecordTxn& txn, records::Whole what, Findings& findings,
                      FunctionRef<Result<void>(const records::Item&)> visit);
/// The record, or nothing, also when it is damaged, which is a finding.
Result<std::optional<records::Record>> get_or_find(records::RecordTxn& txn, const records::Key& key, Ino ino,
                                                   Findings& findings);
template <class K>
Result<std::optional<typename K::Record>> get_or_find(records::RecordTxn& txn, const K& key, Findings& findings) {
  TRY(auto record, get_or_find(txn, records::Key(key), key.ino, findings));
  if (!record) return std::optional<typename K::Record>();
  return std::optional<typename K::Record>(std::get<typename K::Record>(*std::move(record)));
}

/// Inodes, entries, links, statistics, counters.
Result<void> check_names(records::RecordTxn& txn, const VolumeFormat& format, bool links_are_derived,
                         Findings& findings);
/// What hangs on inodes: sustained files, targets, attributes, chunk lists.
Result<void> check_attachments(records::RecordTxn& txn, Findings& findings);

/// A stretch of slices by id, and how many references each has.
struct SliceWindow {
  struct Count {
    std::int64_t references = 0;
    bool is_known = false;  // there is a count of its own
    std::int64_t stored = 0;
  };
  std::vector<std::pair<records::SliceRefKey, Count>> slices;  // in order
  bool is_last = true;
};
/// The first `limit` slices behind `after` that anything names.
Result<SliceWindow> count_slices(records::RecordTxn& txn, SliceId after, std::size_t limit, Findings& findings);
void check_slices(const SliceWindow& window, Findings& findings);

}  // namespace headrace::meta
