// SPDX-License-Identifier: Apache-2.0
// What a Range holds, as a question about keys in their order: for stores that keep records in a map, and for changes
// that lie over a store. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "records/keys.h"

namespace headrace::records {

/// What a walk over keys in ascending order does with the one it has met.
enum class Step { kTake, kSkip, kEnd };

/// Where walks over a range begin: one for each kind of key that it lists.
std::vector<Key> starts_of(const Range& range);
/// kEnd: this key and all after it are beyond the range, or of another kind. Only for keys from a start on. With
/// LinksTo and kPendingSliceRefs the record decides too: see holds().
Step step(const Range& range, const Key& key);
/// Whether a key that step() takes is in the range with this record.
bool holds(const Range& range, const Key& key, const Record& record);

/// The number that WholeVolume pages by.
std::uint64_t page_number_of(const Key& key);
/// Cuts a listing in ascending order to a limit: to whole numbers for WholeVolume, as keys.h says, to `limit` rows
/// otherwise. Says whether something was cut.
bool cut_page(const Range& range, std::size_t limit, std::vector<Item>& items);

/// Calls visit(iterator) for each key of an ordered map that step() takes, until it answers false.
template <class Map, class Visit>
void walk(Map& map, const Range& range, Visit visit) {
  for (const Key& start : starts_of(range)) {
    for (auto it = map.lower_bound(start); it != map.end(); ++it) {
      if (it->first.index() != start.index()) break;
      const Step decision = step(range, it->first);
      if (decision == Step::kEnd) break;
      if (decision == Step::kTake && !visit(it)) return;
    }
  }
}

}  // namespace headrace::records
