// SPDX-License-Identifier: Apache-2.0
// commit_compaction: the front of a list is replaced by one slice with the same bytes (format sheet, section 1.4). And
// what it retired is given back later, when the volume keeps a trash.
#include <algorithm>

#include "meta/ops/operations.h"

namespace headrace::meta::ops {
namespace {

bool begins_with(const SliceList& list, const SliceList& front) {
  return list.size() >= front.size() && std::equal(front.begin(), front.end(), list.begin());
}

void retire(RecordTxn& txn, const OpContext& context, std::span<const Slice> replaced, SliceId made) {
  if (context.trash_days == 0) {
    for (const Slice& slice : replaced) {
      if (slice.id != SliceId{0}) add(txn, SliceRefKey{slice.id, slice.size}, -1);
    }
    return;
  }
  records::DelayedSlicesRecord delayed{context.now.seconds, {}};
  for (const Slice& slice : replaced) {
    if (slice.id != SliceId{0}) delayed.slices.push_back({slice.id, slice.size});
  }
  if (!delayed.slices.empty()) put(txn, DelayedSlicesKey{made}, std::move(delayed));
}

}  // namespace

Result<bool> commit_compaction(RecordTxn& txn, const OpContext& context, const CompactionPlan& plan, SliceId slice) {
  const SlicesKey key{plan.ino, plan.chunk};
  TRY(const std::optional<SliceList> present, get(txn, key));
  const SliceList list = present.value_or(SliceList{});
  if (!begins_with(list, plan.replaced)) {
    put(txn, SliceRefKey{slice, plan.size}, 0);
    return false;
  }
  const auto skipped = static_cast<std::ptrdiff_t>(plan.skipped);
  const auto replaced = static_cast<std::ptrdiff_t>(plan.replaced.size());
  SliceList compacted(list.begin(), list.begin() + skipped);
  compacted.push_back({plan.pos, slice, plan.size, 0, plan.size});
  compacted.insert(compacted.end(), list.begin() + replaced, list.end());
  put(txn, key, std::move(compacted));
  put(txn, SliceRefKey{slice, plan.size}, 1);
  retire(txn, context, std::span(plan.replaced).subspan(plan.skipped), slice);
  return true;
}

Result<void> expire_delayed_slices(RecordTxn& txn, const DelayedSlicesKey& key) {
  TRY(const std::optional<records::DelayedSlicesRecord> delayed, get(txn, key));
  if (!delayed) return {};  // somebody else was faster
  for (const SliceRefKey& slice : delayed->slices) add(txn, slice, -1);
  erase(txn, key);
  return {};
}

}  // namespace headrace::meta::ops
