// SPDX-License-Identifier: Apache-2.0
// Volume's background work: giving back what deleted files, and retired slices hold.
#include <algorithm>

#include "meta/backup_names.h"
#include "meta/compaction_plan.h"
#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

using records::Item;
using records::RecordTxn;
using records::Whole;
using records::WholeVolume;

constexpr std::size_t kRowsAtOnce = 256;
constexpr std::size_t kListsAtOnce = 64;
constexpr std::int64_t kHour = 3600;

Result<std::vector<Item>> page_of(const Scope& scope, records::RecordEngine& engine, Whole what, std::uint64_t after,
                                  std::size_t limit) {
  return engine.read(scope, {}, [&](RecordTxn& txn) { return txn.scan(WholeVolume{what, after}, limit); });
}

}  // namespace

Result<bool> Volume::Impl::release_deleted_file(const Scope& scope, Ino ino) {
  for (;;) {
    const Result<bool> step = change(scope, {records::DeletedFileKey{ino}}, [&](RecordTxn& txn, const OpContext&) {
      return ops::release_deleted_file(txn, ino, kListsAtOnce);
    });
    if (!step && step.code() == Code::kDamaged) {
      log.error("a deleted file is left as it is",
                {{"inode", std::to_string(ino.value())}, {"error", step.error().text()}});
      return false;
    }
    if (!step || *step) return step;
  }
}

Result<std::size_t> Volume::release_deleted_files(const Scope& scope, Duration age, std::size_t limit) {
  const std::int64_t before = impl_->now().seconds - std::chrono::duration_cast<std::chrono::seconds>(age).count();
  std::size_t done = 0;
  std::uint64_t after = 0;
  for (;;) {
    TRY(const std::vector<Item> page, page_of(scope, impl_->engine, Whole::kDeletedFiles, after, kRowsAtOnce));
    for (const Item& item : page) {
      if (done >= limit) return done;
      after = std::get<records::DeletedFileKey>(item.key).ino.value();
      if (std::get<records::DeletedFileRecord>(item.record).deleted_seconds > before) continue;
      TRY(const bool is_done, impl_->release_deleted_file(scope, Ino{after}));
      if (is_done) ++done;
    }
    if (page.empty()) return done;
  }
}

Result<std::vector<DoomedSlice>> Volume::doomed_slices(const Scope& scope, std::size_t limit) {
  TRY(const std::vector<Item> rows, page_of(scope, impl_->engine, Whole::kPendingSliceRefs, 0, limit));
  std::vector<DoomedSlice> doomed;
  for (const Item& row : rows) {
    const auto& key = std::get<records::SliceRefKey>(row.key);
    if (key.id != SliceId{0}) doomed.push_back({key.id, key.size});
  }
  return doomed;
}

Result<void> Volume::forget_slice(const Scope& scope, DoomedSlice slice) {
  return impl_->change(scope, {}, [&](RecordTxn& txn, const OpContext&) { return ops::forget_slice(txn, slice); });
}

Result<std::size_t> Volume::expire_delayed_slices(const Scope& scope, std::size_t limit) {
  const std::int64_t before = impl_->now().seconds - std::int64_t{format().trash_days} * 24 * kHour;
  std::size_t lowered = 0;
  std::uint64_t after = 0;
  for (;;) {
    TRY(const std::vector<Item> page, page_of(scope, impl_->engine, Whole::kDelayedSlices, after, kRowsAtOnce));
    for (const Item& item : page) {
      const auto& key = std::get<records::DelayedSlicesKey>(item.key);
      const auto& delayed = std::get<records::DelayedSlicesRecord>(item.record);
      after = key.made_by.value();
      if (delayed.deleted_seconds >= before) continue;
      if (lowered >= limit) return lowered;
      TRY_OK(impl_->change(scope, {},
                           [&](RecordTxn& txn, const OpContext&) { return ops::expire_delayed_slices(txn, key); }));
      lowered += delayed.slices.size();
    }
    if (page.empty()) return lowered;
  }
}

Result<std::optional<CompactionPlan>> Volume::plan_compaction(const Scope& scope, Ino ino, ChunkIndex chunk) {
  TRY(const records::SliceList list, impl_->read(scope, {}, [&](RecordTxn& txn) -> Result<records::SliceList> {
    TRY(const auto found, records::get(txn, records::SlicesKey{ino, chunk}));
    return found.value_or(records::SliceList{});
  }));
  return make_compaction_plan(ino, chunk, list);
}

Result<void> Volume::commit_compaction(const Scope& scope, const CompactionPlan& plan, SliceId slice) {
  TRY(const bool replaced,
      impl_->change(scope, {records::SlicesKey{plan.ino, plan.chunk}}, [&](RecordTxn& txn, const OpContext& context) {
        return ops::commit_compaction(txn, context, plan, slice);
      }));
  if (!replaced) return Code::kConflict;
  return {};
}

Result<bool> Volume::claim_job(const Scope& scope, std::string_view counter, Duration interval) {
  if (impl_->is_read_only) return Code::kReadOnly;
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(interval).count();
  return impl_->engine.run(scope, records::Commit::kVisible, {}, [&](RecordTxn& txn) {
    return ops::claim_job(txn, impl_->now(), std::string(counter), seconds);
  });
}

Result<bool> Volume::claim_backup(const Scope& scope, Duration interval) {
  if (impl_->is_read_only) return Code::kReadOnly;
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(interval).count();
  return impl_->engine.run(scope, records::Commit::kVisible, {}, [&](RecordTxn& txn) -> Result<bool> {
    const records::XattrKey mark{kRootIno, std::string(kLastBackupXattr)};
    const std::int64_t now = impl_->now().seconds;
    TRY(const auto last, records::get(txn, mark));
    const std::optional<std::int64_t> when = last ? parse_backup_mark(last->value) : std::nullopt;
    // A mark of the future is a clock that was set back: it does not stop backups for ever.
    if (when && *when <= now && now - *when < seconds) return false;
    records::put(txn, mark, records::XattrRecord{backup_mark(now)});
    return true;
  });
}

std::uint64_t Volume::changes() const { return impl_->changes.load(std::memory_order_relaxed); }

}  // namespace headrace::meta
