// SPDX-License-Identifier: Apache-2.0
// Ranges over ordered keys.
#include "records/range.h"

#include <algorithm>
#include <type_traits>

namespace headrace::records {
namespace {

/// The first key of each kind that a list over the whole volume shows.
Key first_of(Whole what, std::uint64_t after) {
  const Ino ino{after};
  switch (what) {
    case Whole::kInodes: return InodeKey{ino};
    case Whole::kEntries: return EntryKey{ino, {}};
    case Whole::kSlices: return SlicesKey{ino, {}};
    case Whole::kSliceRefs:
    case Whole::kPendingSliceRefs: return SliceRefKey{SliceId{after}, 0};
    case Whole::kDelayedSlices: return DelayedSlicesKey{SliceId{after}};
    case Whole::kDeletedFiles: return DeletedFileKey{ino};
    case Whole::kSessions: return SessionKey{SessionId{after}};
    case Whole::kSustained: return SustainedKey{SessionId{after}, {}};
    case Whole::kDirStats: return DirStatsKey{ino};
    case Whole::kDirQuotas: return DirQuotaKey{ino};
    case Whole::kDetached: return DetachedKey{ino};
    case Whole::kCounters: return CounterKey{};
    case Whole::kXattrs: return XattrKey{ino, {}};
    case Whole::kSymlinks: return SymlinkKey{ino};
  }
  return SettingKey{};
}

struct StartsOf {
  std::vector<Key> operator()(const EntriesOf& range) const { return {EntryKey{range.parent, range.after}}; }
  std::vector<Key> operator()(const SlicesOf& range) const { return {SlicesKey{range.ino, range.from}}; }
  std::vector<Key> operator()(const XattrsOf& range) const { return {XattrKey{range.ino, {}}}; }
  std::vector<Key> operator()(const LinksTo&) const { return {EntryKey{}}; }
  std::vector<Key> operator()(const FlocksOf& range) const { return {FlockKey{range.ino, {}, {}}}; }
  std::vector<Key> operator()(const PosixLocksOf& range) const { return {PosixLockKey{range.ino, {}, {}}}; }
  std::vector<Key> operator()(const SustainedOf& range) const { return {SustainedKey{range.session, {}}}; }
  std::vector<Key> operator()(const LocksHeldBy&) const { return {FlockKey{}, PosixLockKey{}}; }
  std::vector<Key> operator()(const WholeVolume& range) const { return {first_of(range.what, range.after_number)}; }
};

Step take_while(bool inside) { return inside ? Step::kTake : Step::kEnd; }

template <class K>
Step step_of(const Key& key, auto decide) {
  const K* typed = std::get_if<K>(&key);
  return typed == nullptr ? Step::kEnd : decide(*typed);
}

struct StepOf {
  const Key& key;
  Step operator()(const EntriesOf& range) const {
    return step_of<EntryKey>(key, [&](const EntryKey& k) {
      if (k.parent != range.parent) return Step::kEnd;
      return range.after.empty() || k.name > range.after ? Step::kTake : Step::kSkip;
    });
  }
  Step operator()(const SlicesOf& range) const {
    return step_of<SlicesKey>(
        key, [&](const SlicesKey& k) { return take_while(k.ino == range.ino && k.chunk <= range.to); });
  }
  Step operator()(const XattrsOf& range) const {
    return step_of<XattrKey>(key, [&](const XattrKey& k) { return take_while(k.ino == range.ino); });
  }
  Step operator()(const LinksTo&) const {
    return step_of<EntryKey>(key, [](const EntryKey&) { return Step::kTake; });
  }
  Step operator()(const FlocksOf& range) const {
    return step_of<FlockKey>(key, [&](const FlockKey& k) { return take_while(k.ino == range.ino); });
  }
  Step operator()(const PosixLocksOf& range) const {
    return step_of<PosixLockKey>(key, [&](const PosixLockKey& k) { return take_while(k.ino == range.ino); });
  }
  Step operator()(const SustainedOf& range) const {
    return step_of<SustainedKey>(key, [&](const SustainedKey& k) { return take_while(k.session == range.session); });
  }
  Step operator()(const LocksHeldBy& range) const {
    if (const auto* flock = std::get_if<FlockKey>(&key))
      return flock->session == range.session ? Step::kTake : Step::kSkip;
    if (const auto* posix = std::get_if<PosixLockKey>(&key))
      return posix->session == range.session ? Step::kTake : Step::kSkip;
    return Step::kEnd;
  }
  Step operator()(const WholeVolume& range) const {
    if (key.index() != first_of(range.what, 0).index()) return Step::kEnd;
    if (range.after_number == 0) return Step::kTake;
    if (range.what == Whole::kCounters) return Step::kSkip;
    return page_number_of(key) > range.after_number ? Step::kTake : Step::kSkip;
  }
};

struct PageNumberOf {
  std::uint64_t operator()(const EntryKey& key) const { return key.parent.value(); }
  std::uint64_t operator()(const SliceRefKey& key) const { return key.id.value(); }
  std::uint64_t operator()(const DelayedSlicesKey& key) const { return key.made_by.value(); }
  std::uint64_t operator()(const SessionKey& key) const { return key.session.value(); }
  std::uint64_t operator()(const SustainedKey& key) const { return key.session.value(); }
  std::uint64_t operator()(const CounterKey&) const { return 0; }
  std::uint64_t operator()(const SettingKey&) const { return 0; }
  std::uint64_t operator()(const AclKey& key) const { return key.id; }
  template <class OfInode>
  std::uint64_t operator()(const OfInode& key) const {
    return key.ino.value();
  }
};

}  // namespace

std::vector<Key> starts_of(const Range& range) { return std::visit(StartsOf{}, range); }

Step step(const Range& range, const Key& key) { return std::visit(StepOf{key}, range); }

bool holds(const Range& range, const Key& key, const Record& record) {
  if (const auto* links = std::get_if<LinksTo>(&range)) {
    const auto* entry = std::get_if<EntryRecord>(&record);
    return entry != nullptr && entry->ino == links->ino;
  }
  const auto* whole = std::get_if<WholeVolume>(&range);
  if (whole != nullptr && whole->what == Whole::kPendingSliceRefs) return std::get<std::int64_t>(record) <= 0;
  (void)key;
  return true;
}

std::uint64_t page_number_of(const Key& key) { return std::visit(PageNumberOf{}, key); }

bool cut_page(const Range& range, std::size_t limit, std::vector<Item>& items) {
  if (items.size() <= limit) return false;
  std::size_t keep = limit;
  if (std::holds_alternative<WholeVolume>(range)) {
    const auto same = [&items](std::size_t a, std::size_t b) {
      return page_number_of(items[a].key) == page_number_of(items[b].key);
    };
    while (keep > 0 && same(keep - 1, keep)) --keep;
    if (keep == 0) {
      keep = std::max<std::size_t>(limit, 1);
      while (keep < items.size() && same(keep - 1, keep)) ++keep;
    }
  }
  const bool was_cut = keep < items.size();
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(keep), items.end());
  return was_cut;
}

}  // namespace headrace::records
