// SPDX-License-Identifier: Apache-2.0
// Composing changes.
#include "records/change.h"

#include <utility>

#include "base/check.h"

namespace headrace::records {
namespace {

/// Sums that leave the range of their type wrap, as they do in every engine.
std::int64_t sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

Record sum(const Record& a, const Record& b) {
  if (const auto* number = std::get_if<std::int64_t>(&a)) return sum(*number, std::get<std::int64_t>(b));
  const auto& x = std::get<DirStatsRecord>(a);
  const auto& y = std::get<DirStatsRecord>(b);
  return DirStatsRecord{sum(x.length, y.length), sum(x.space, y.space), sum(x.inodes, y.inodes)};
}

Record concatenated(Record front, const Record& back) {
  auto& list = std::get<SliceList>(front);
  const auto& more = std::get<SliceList>(back);
  list.insert(list.end(), more.begin(), more.end());
  return front;
}

bool can_be_added_to(const Key& key) {
  return std::holds_alternative<ParentLinkKey>(key) || std::holds_alternative<SliceRefKey>(key) ||
         std::holds_alternative<DirStatsKey>(key) || std::holds_alternative<CounterKey>(key);
}

Change composed(const Key& key, const Change& lower, Change upper) {
  if (upper.is_final()) return upper;
  if (lower.is_final()) {
    std::optional<Record> before;
    if (lower.kind == Change::Kind::kPut) before = lower.record;
    std::optional<Record> after = applied(key, upper, std::move(before));
    return after ? Change{Change::Kind::kPut, *std::move(after)} : Change{Change::Kind::kErase, {}};
  }
  CHECK(lower.kind == upper.kind);  // adding and appending are for different kinds of keys
  if (upper.kind == Change::Kind::kAdd) return {Change::Kind::kAdd, sum(lower.record, upper.record)};
  return {Change::Kind::kAppend, concatenated(lower.record, upper.record)};
}

}  // namespace

std::optional<Record> applied(const Key& key, const Change& change, std::optional<Record> before) {
  switch (change.kind) {
    case Change::Kind::kPut: return change.record;
    case Change::Kind::kErase: return std::nullopt;
    case Change::Kind::kAdd:
      if (before) return sum(*before, change.record);
      if (std::holds_alternative<DirStatsKey>(key)) return std::nullopt;  // somebody sums them up later
      return change.record;
    case Change::Kind::kAppend: return before ? concatenated(*std::move(before), change.record) : change.record;
  }
  return before;
}

void ChangeSet::change(Key key, Change change) {
  const auto [it, is_new] = changes_.try_emplace(std::move(key));
  it->second = is_new ? std::move(change) : composed(it->first, it->second, std::move(change));
}

void ChangeSet::put(Key key, Record record) {
  CHECK(fits(key, record));
  change(std::move(key), {Change::Kind::kPut, std::move(record)});
}

void ChangeSet::erase(Key key) { change(std::move(key), {Change::Kind::kErase, {}}); }

void ChangeSet::add(Key key, Record delta) {
  CHECK(can_be_added_to(key) && fits(key, delta));
  change(std::move(key), {Change::Kind::kAdd, std::move(delta)});
}

void ChangeSet::append(SlicesKey key, std::span<const Slice> slices) {
  if (slices.empty()) return;
  change(Key(key), {Change::Kind::kAppend, SliceList(slices.begin(), slices.end())});
}

void ChangeSet::merge(ChangeSet&& later) {
  if (changes_.empty()) {
    changes_ = std::move(later.changes_);
    later.changes_.clear();
    return;
  }
  while (!later.changes_.empty()) {
    auto node = later.changes_.extract(later.changes_.begin());
    change(std::move(node.key()), std::move(node.mapped()));
  }
}

const Change* ChangeSet::find(const Key& key) const {
  const auto it = changes_.find(key);
  return it == changes_.end() ? nullptr : &it->second;
}

}  // namespace headrace::records
