// SPDX-License-Identifier: Apache-2.0
// Records, ranges and changes for tests of whatever holds records.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "records/change.h"
#include "records/keys.h"
#include "records/txn.h"

namespace headrace::records {

/// One record of each kind that can be put, with every field set to something of its own.
std::vector<Item> one_of_each_kind();
/// The same keys with other records.
std::vector<Item> another_of_each_kind();

/// Ranges of every kind around the small numbers that random_changes() uses, and the lists over the whole volume.
std::vector<Range> all_ranges();
/// Changes of all kinds whose keys meet each other often. Everything in them can be stored by every engine.
ChangeSet random_changes(Rng& rng, std::size_t count);

/// Does the same changes in a transaction.
void write_into(RecordTxn& txn, const ChangeSet& changes);
/// A listing to its end, in pages of `limit` where the range has pages.
Result<std::vector<Item>> scan_to_end(RecordTxn& txn, Range range, std::size_t limit);

bool same(const std::vector<Item>& a, const std::vector<Item>& b);
/// For messages: what differs first.
std::string difference(const std::vector<Item>& a, const std::vector<Item>& b);

}  // namespace headrace::records
