// SPDX-License-Identifier: Apache-2.0
// Volume::expire_trash: hours that are older than the volume keeps them are emptied and removed (format sheet,
// section 3.11).
#include "meta/ops/trash.h"
#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

using records::EntryKey;
using records::EntryRecord;
using records::Item;
using records::RecordTxn;

constexpr std::size_t kRowsAtOnce = 256;
constexpr std::int64_t kHourSeconds = 3600;

}  // namespace

// Directories in the trash are empty, except where somebody has begun to put trees together again: then they are
// emptied depth first, with a stack of its own.
class TrashSweep {
 public:
  TrashSweep(const Scope& scope, Volume::Impl& volume, std::size_t limit)
      : scope_(scope), volume_(volume), limit_(limit) {}
  std::size_t gone() const { return gone_; }

  Result<void> remove_hours_before(std::int64_t before) {
    std::string after;
    for (;;) {
      TRY(const std::vector<Item> hours, entries_of(kTrashRoot, after));
      for (const Item& item : hours) {
        after = std::get<EntryKey>(item.key).name;
        const std::optional<std::int64_t> hour = ops::trash_hour_of(after);
        if (hour && *hour < before) TRY_OK(remove_tree({kTrashRoot, after, std::get<EntryRecord>(item.record).ino}));
        if (is_full()) return {};
      }
      if (hours.size() < kRowsAtOnce) return {};
    }
  }

 private:
  struct Directory {
    Ino parent;
    std::string name;
    Ino ino;
  };

  bool is_full() const { return gone_ >= limit_; }

  Result<std::vector<Item>> entries_of(Ino directory, const std::string& after) {
    return volume_.read(
        scope_, {}, [&](RecordTxn& txn) { return txn.scan(records::EntriesOf{directory, after, false}, kRowsAtOnce); });
  }

  // True: gone, by us or by somebody faster. False: it is a directory that holds something.
  Result<bool> remove(Ino parent, const std::string& name) {
    const Result<Removed> removed = volume_.change(scope_, {}, [&](RecordTxn& txn, const OpContext& context) {
      return ops::remove_from_trash(txn, context, parent, name);
    });
    if (removed) ++gone_;
    if (removed || removed.code() == Code::kNotFound) return true;
    if (removed.code() == Code::kNotEmpty) return false;
    return removed.error();
  }

  Result<void> remove_tree(Directory top) {
    std::vector<Directory> stack{std::move(top)};
    while (!stack.empty() && !is_full()) {
      const Directory directory = stack.back();
      TRY(const bool is_gone, remove(directory.parent, directory.name));
      if (is_gone) {
        stack.pop_back();
      } else {
        TRY_OK(remove_children(directory.ino, stack));
      }
    }
    return {};
  }

  // Until one holds something itself: that one comes first, on top of the stack.
  Result<void> remove_children(Ino directory, std::vector<Directory>& stack) {
    TRY(const std::vector<Item> children, entries_of(directory, ""));
    for (const Item& child : children) {
      if (is_full()) return {};
      const std::string& name = std::get<EntryKey>(child.key).name;
      TRY(const bool is_gone, remove(directory, name));
      if (is_gone) continue;
      stack.push_back({directory, name, std::get<EntryRecord>(child.record).ino});
      return {};
    }
    return {};
  }

  const Scope& scope_;
  Volume::Impl& volume_;
  const std::size_t limit_;
  std::size_t gone_ = 0;
};

Result<std::size_t> Volume::expire_trash(const Scope& scope, std::size_t limit) {
  const std::int64_t kept_seconds = (std::int64_t{format().trash_days} * 24 + 2) * kHourSeconds;
  TrashSweep sweep(scope, *impl_, limit);
  TRY_OK(sweep.remove_hours_before(impl_->now().seconds - kept_seconds));
  return sweep.gone();
}

}  // namespace headrace::meta
