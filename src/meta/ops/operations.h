// SPDX-License-Identifier: Apache-2.0
// The operations of a volume, each a function over a transaction in a file of its own: from the records it reads to the
// records it writes, with exactly the effects that the format prescribes (format sheet, sections 3.9 and 4.6). What
// they mean to a caller stands at the methods of the same names in meta/volume.h; here stands what only the
// transaction's side must know.
//
// An operation that returns an error writes nothing: the engine drops it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "meta/ops/context.h"
#include "meta/volume.h"

namespace headrace::meta::ops {

// Names.
Result<Entry> lookup(RecordTxn& txn, Ino parent, std::string_view name);
/// `fresh` is the number the new inode gets.
Result<Entry> mknod(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino parent, std::string_view name,
                    const NewNode& node, Ino fresh);
/// A regular file with no name, sustained by the context's session.
Result<Entry> create_unnamed(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino parent,
                             const NewNode& node, Ino fresh);
Result<Removed> unlink(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino parent,
                       std::string_view name);
Result<Removed> rmdir(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino parent,
                      std::string_view name);
struct RenameEnds {
  Ino from;
  std::string_view from_name;
  Ino to;
  std::string_view to_name;
  std::uint32_t flags = 0;
};
Result<Renamed> rename(RecordTxn& txn, const OpContext& context, const Caller& caller, const RenameEnds& ends);
/// A file without a name gets one only while the context's session sustains it.
Result<Entry> link(RecordTxn& txn, const OpContext& context, Ino ino, Ino parent, std::string_view name);

// Attributes.
Result<Attr> setattr(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino ino, const AttrChange& change);
Result<std::string> getxattr(RecordTxn& txn, Ino ino, std::string_view name);
Result<void> setxattr(RecordTxn& txn, Ino ino, std::string_view name, std::string_view value, std::uint32_t flags);
Result<std::vector<std::string>> listxattr(RecordTxn& txn, Ino ino);
Result<void> removexattr(RecordTxn& txn, Ino ino, std::string_view name);

// Bytes.
Result<Attr> commit_slices(RecordTxn& txn, const OpContext& context, Ino ino, std::span<const NewSlice> slices,
                           Timestamp modified);
Result<Attr> truncate(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino ino, std::uint64_t length);
struct FallocateRange {
  int mode = 0;
  std::uint64_t offset = 0, length = 0;
};
Result<Attr> fallocate(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino ino,
                       const FallocateRange& range);
struct CopyEnds {
  Ino in;
  std::uint64_t in_offset = 0;
  Ino out;
  std::uint64_t out_offset = 0, length = 0;
};
Result<CopyResult> copy_range(RecordTxn& txn, const OpContext& context, const CopyEnds& ends);
/// Hole records over a stretch of a file: on its first and last chunk always, between them where there are lists.
Result<void> append_holes(RecordTxn& txn, Ino ino, std::uint64_t from, std::uint64_t to);

// Locks. The listings of one file's locks are decisions here: an engine with other writers has to validate them.
/// False: another owner's lock is in the way. As on Linux, an own lock that was to be converted is given up then.
Result<bool> flock(RecordTxn& txn, const OpContext& context, Ino ino, LockOwner owner, std::uint32_t type);
/// kWouldBlock: another owner's lock is in the way. kNoMemory: the owner has too many ranges.
Result<void> setlk(RecordTxn& txn, const OpContext& context, Ino ino, LockOwner owner, const LockRequest& request);
Result<LockRequest> getlk(RecordTxn& txn, const OpContext& context, Ino ino, LockOwner owner,
                          const LockRequest& request);
/// What an owner's ranges become: sorted, disjoint, neighbours of one type and pid merged. Pure.
std::vector<LockRange> apply_lock(std::vector<LockRange> ranges, const LockRequest& request);

// Sessions.
Result<SessionId> new_session(RecordTxn& txn, const SessionRecord& session);
/// The inodes that a session sustains and the locks it holds, a page of both.
struct SessionHoldings {
  std::vector<Ino> sustained;
  std::vector<records::Key> locks;
};
Result<SessionHoldings> session_holdings(RecordTxn& txn, SessionId session, std::size_t limit);
/// Ends a file that has no name any more; nothing happens if it has, or if the session does not sustain it.
Result<void> destroy_sustained(RecordTxn& txn, const OpContext& context, SessionId session, Ino ino);
/// Erases these locks of a session. With `only_if_expired_before`, not when the session has been renewed: kBusy.
Result<void> erase_locks(RecordTxn& txn, SessionId session, std::span<const records::Key> locks,
                         std::optional<std::int64_t> only_if_expired_before);
/// kBusy: it has been renewed.
Result<void> erase_session(RecordTxn& txn, SessionId session, std::optional<std::int64_t> only_if_expired_before);

// Background.
/// Releases at most `lists_max` chunk lists of a deleted file; true when it is done and its record erased.
Result<bool> release_deleted_file(RecordTxn& txn, Ino ino, std::size_t lists_max);
/// kConflict: it is referenced (again).
Result<void> forget_slice(RecordTxn& txn, const DoomedSlice& slice);
/// Lowers the references of what one compaction retired.
Result<void> expire_delayed_slices(RecordTxn& txn, const DelayedSlicesKey& key);
/// False: the list begins otherwise by now, and the new slice has been written down as doomed.
Result<bool> commit_compaction(RecordTxn& txn, const OpContext& context, const CompactionPlan& plan, SliceId slice);
Result<bool> claim_job(RecordTxn& txn, Timestamp now, const std::string& counter, std::int64_t interval_seconds);
/// Removes an entry below the trash for good, whoever asks. A directory must be empty (kNotEmpty).
Result<Removed> remove_from_trash(RecordTxn& txn, const OpContext& context, Ino parent, std::string_view name);
/// Sums a directory's children and puts its statistics, unless it has some. False: it had, or is no directory.
Result<bool> sum_dir_stats(RecordTxn& txn, Ino directory);

}  // namespace headrace::meta::ops
