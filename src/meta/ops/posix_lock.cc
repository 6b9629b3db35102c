// SPDX-License-Identifier: Apache-2.0
// setlk, getlk: POSIX record locks (format sheet, section 3.5). Circles of waiting owners are not looked for: EDEADLK
// is never answered, and a waiter ends with its own time limit or signal.
#include <fcntl.h>

#include <algorithm>

#include "meta/ops/load.h"
#include "meta/ops/lock_owner.h"
#include "meta/ops/operations.h"

namespace headrace::meta::ops {
namespace {

// An owner's ranges are one value; this many fit into the 64 KiB that every engine can hold.
constexpr std::size_t kRangesMax = 2700;

struct Conflict {
  PosixLockKey holder;
  LockRange range;
};

bool overlaps(const LockRange& range, const LockRequest& request) {
  return range.start <= request.end && request.start <= range.end;
}

bool conflicts(const LockRange& range, const LockRequest& request) {
  return overlaps(range, request) && (range.type == F_WRLCK || request.type == F_WRLCK);
}

Result<std::optional<Conflict>> find_conflict(RecordTxn& txn, const PosixLockKey& own, const LockRequest& request) {
  TRY(const std::vector<Item> held, txn.scan(records::PosixLocksOf{own.ino}, kLocksLookedAtMax));
  std::optional<Conflict> first;
  for (const Item& item : held) {
    const PosixLockKey& key = std::get<PosixLockKey>(item.key);
    if (key == own) continue;
    for (const LockRange& range : std::get<std::vector<LockRange>>(item.record)) {
      if (!conflicts(range, request)) continue;
      TRY(const bool is_left_over, is_session_gone(txn, own.session, key.session));
      if (is_left_over) break;
      if (!first || range.start < first->range.start) first = Conflict{key, range};
      break;
    }
  }
  return first;
}

// Puts `range` behind the others; they are sorted, and what touches and is alike becomes one.
void append_merged(std::vector<LockRange>& ranges, const LockRange& range) {
  if (!ranges.empty()) {
    LockRange& last = ranges.back();
    if (last.type == range.type && last.pid == range.pid && last.end + 1 == range.start) {
      last.end = range.end;
      return;
    }
  }
  ranges.push_back(range);
}

}  // namespace

std::vector<LockRange> apply_lock(std::vector<LockRange> ranges, const LockRequest& request) {
  std::vector<LockRange> cut;
  for (const LockRange& range : ranges) {
    if (!overlaps(range, request)) {
      cut.push_back(range);
      continue;
    }
    if (range.start < request.start) cut.push_back({range.type, range.pid, range.start, request.start - 1});
    if (range.end > request.end) cut.push_back({range.type, range.pid, request.end + 1, range.end});
  }
  if (request.type != F_UNLCK) cut.push_back({request.type, request.pid, request.start, request.end});
  std::ranges::sort(cut, {}, &LockRange::start);
  std::vector<LockRange> merged;
  for (const LockRange& range : cut) append_merged(merged, range);
  return merged;
}

Result<void> setlk(RecordTxn& txn, const OpContext& context, Ino ino, LockOwner owner, const LockRequest& request) {
  const PosixLockKey own{ino, context.session, owner};
  if (request.type != F_UNLCK) {
    TRY_OK(load_inode(txn, ino));
    TRY(const std::optional<Conflict> conflict, find_conflict(txn, own, request));
    if (conflict) return Code::kWouldBlock;
  }
  TRY(const std::optional<std::vector<LockRange>> present, get(txn, own));
  if (!present && request.type == F_UNLCK) return {};
  std::vector<LockRange> ranges = apply_lock(present.value_or(std::vector<LockRange>{}), request);
  if (ranges.size() > kRangesMax) return Code::kNoMemory;
  if (ranges.empty()) {
    erase(txn, own);
  } else {
    put(txn, own, std::move(ranges));
  }
  return {};
}

Result<LockRequest> getlk(RecordTxn& txn, const OpContext& context, Ino ino, LockOwner owner,
                          const LockRequest& request) {
  const PosixLockKey own{ino, context.session, owner};
  TRY(const std::optional<Conflict> conflict, find_conflict(txn, own, request));
  if (!conflict) return LockRequest{F_UNLCK, 0, request.start, request.end};
  // A pid means something on its own machine only.
  const std::uint32_t pid = conflict->holder.session == context.session ? conflict->range.pid : 0;
  return LockRequest{conflict->range.type, pid, conflict->range.start, conflict->range.end};
}

}  // namespace headrace::meta::ops
