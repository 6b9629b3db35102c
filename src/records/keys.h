// SPDX-License-Identifier: Apache-2.0
// The records of a volume, by kind: what names one (a Key) and what it holds (a Record). They mean the same in every
// engine; an engine maps them to its own keys or tables in exactly JuiceFS's layout (juicefs-volume-format, sections 3
// and 4). Where engines differ (reference counts minus one, "next free" against "last used", microseconds), the typed
// record is the plain meaning: true counts, next free numbers, nanoseconds.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/attr.h"
#include "base/types.h"

namespace headrace::records {

/// An inode. Its record is the Attr.
struct InodeKey {
  Ino ino;
  using Record = Attr;
  friend auto operator<=>(const InodeKey&, const InodeKey&) = default;
};

/// A name in a directory. Names are bytes, not text.
struct EntryRecord {
  Ino ino;
  FileType type = FileType::kRegular;
  friend bool operator==(const EntryRecord&, const EntryRecord&) = default;
};
struct EntryKey {
  Ino parent;
  std::string name;
  using Record = EntryRecord;
  friend auto operator<=>(const EntryKey&, const EntryKey&) = default;
};

/// One reference in a chunk's list, format sheet section 1.1. `pos` is in the chunk; `off` and `len` say which part of
/// the slice shows. id 0 is a hole: zeros that hide what older references showed.
struct Slice {
  std::uint32_t pos = 0;
  SliceId id;
  std::uint32_t size = 0;  // of the whole slice
  std::uint32_t off = 0;
  std::uint32_t len = 0;
  friend bool operator==(const Slice&, const Slice&) = default;
};
/// A chunk's list, oldest first. At most 2,500 (a hard limit of the format).
using SliceList = std::vector<Slice>;
struct SlicesKey {
  Ino ino;
  ChunkIndex chunk;
  using Record = SliceList;
  friend auto operator<=>(const SlicesKey&, const SlicesKey&) = default;
};

struct SymlinkRecord {
  std::string target;
  friend bool operator==(const SymlinkRecord&, const SymlinkRecord&) = default;
};
struct SymlinkKey {
  Ino ino;
  using Record = SymlinkRecord;
  friend auto operator<=>(const SymlinkKey&, const SymlinkKey&) = default;
};

struct XattrRecord {
  std::string value;
  friend bool operator==(const XattrRecord&, const XattrRecord&) = default;
};
struct XattrKey {
  Ino ino;
  std::string name;
  using Record = XattrRecord;
  friend auto operator<=>(const XattrKey&, const XattrKey&) = default;
};

/// How often each directory holds a hard-linked file (Attr::parent is 0). SQL derives it from the entries: there,
/// reading counts them and writing is nothing; Redis keeps it in p{ino}. Only add() writes it.
struct ParentLinkKey {
  Ino ino;
  Ino parent;
  using Record = std::int64_t;
  friend auto operator<=>(const ParentLinkKey&, const ParentLinkKey&) = default;
};

/// How many chunk-list references name a slice: a true count. ≤ 0: its objects are to be deleted, then the record
/// erased. An engine that stores no record for one reference (Redis) answers 1 for any slice it does not know.
struct SliceRefKey {
  SliceId id;
  std::uint32_t size = 0;
  using Record = std::int64_t;
  friend auto operator<=>(const SliceRefKey&, const SliceRefKey&) = default;
};

/// Slices that a compaction retired while the trash was on, kept until they are `trash_days` old.
struct DelayedSlicesRecord {
  std::int64_t deleted_seconds = 0;  // Unix time
  std::vector<SliceRefKey> slices;
  friend bool operator==(const DelayedSlicesRecord&, const DelayedSlicesRecord&) = default;
};
struct DelayedSlicesKey {
  SliceId made_by;  // the slice that the compaction wrote
  using Record = DelayedSlicesRecord;
  friend auto operator<=>(const DelayedSlicesKey&, const DelayedSlicesKey&) = default;
};

/// A file whose last name and handle are gone and whose chunks are still to be released.
struct DeletedFileRecord {
  std::uint64_t length = 0;
  std::int64_t deleted_seconds = 0;  // Unix time
  friend bool operator==(const DeletedFileRecord&, const DeletedFileRecord&) = default;
};
struct DeletedFileKey {
  Ino ino;
  using Record = DeletedFileRecord;
  friend auto operator<=>(const DeletedFileKey&, const DeletedFileKey&) = default;
};

struct SessionRecord {
  std::int64_t expires_seconds = 0;  // Unix time
  std::string info;                  // JSON, format sheet section 3.6
  friend bool operator==(const SessionRecord&, const SessionRecord&) = default;
};
struct SessionKey {
  SessionId session;
  using Record = SessionRecord;
  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

/// A file without a name that a session holds open ("sustained").
struct SustainedRecord {
  friend bool operator==(const SustainedRecord&, const SustainedRecord&) = default;
};
struct SustainedKey {
  SessionId session;
  Ino ino;
  using Record = SustainedRecord;
  friend auto operator<=>(const SustainedKey&, const SustainedKey&) = default;
};

/// BSD lock of one owner.
struct FlockRecord {
  bool is_exclusive = false;
  friend bool operator==(const FlockRecord&, const FlockRecord&) = default;
};
struct FlockKey {
  Ino ino;
  SessionId session;
  LockOwner owner;
  using Record = FlockRecord;
  friend auto operator<=>(const FlockKey&, const FlockKey&) = default;
};

/// POSIX locks of one owner: sorted, disjoint, neighbours of one type and pid merged (format sheet section 3.5).
struct LockRange {
  std::uint32_t type = 0;  // Linux: F_RDLCK 0, F_WRLCK 1
  std::uint32_t pid = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // inclusive
  friend bool operator==(const LockRange&, const LockRange&) = default;
};
struct PosixLockKey {
  Ino ino;
  SessionId session;
  LockOwner owner;
  using Record = std::vector<LockRange>;
  friend auto operator<=>(const PosixLockKey&, const PosixLockKey&) = default;
};

/// What a directory's direct children amount to.
struct DirStatsRecord {
  std::int64_t length = 0, space = 0, inodes = 0;
  friend bool operator==(const DirStatsRecord&, const DirStatsRecord&) = default;
};
struct DirStatsKey {
  Ino ino;
  using Record = DirStatsRecord;
  friend auto operator<=>(const DirStatsKey&, const DirStatsKey&) = default;
};

/// A limit on a directory tree and what it uses. -1 or 0: unlimited. Read only in this version.
struct DirQuotaRecord {
  std::int64_t space_max = -1, inodes_max = -1, used_space = 0, used_inodes = 0;
  friend bool operator==(const DirQuotaRecord&, const DirQuotaRecord&) = default;
};
struct DirQuotaKey {
  Ino ino;
  using Record = DirQuotaRecord;
  friend auto operator<=>(const DirQuotaKey&, const DirQuotaKey&) = default;
};

/// The root of a clone in progress; value: when it began, Unix seconds.
struct DetachedKey {
  Ino ino;
  using Record = std::int64_t;
  friend auto operator<=>(const DetachedKey&, const DetachedKey&) = default;
};

/// A number of the whole volume, by the name that SQL gives it: "usedSpace", "totalInodes", "nextInode", "nextChunk",
/// "nextSession", "nextTrash", "lastCleanupSessions", "lastCleanupFiles", "lastCleanupTrash", "nextCleanupSlices".
/// Absent counts as 0. nextInode and nextChunk are the next free numbers.
struct CounterKey {
  std::string name;
  using Record = std::int64_t;
  friend auto operator<=>(const CounterKey&, const CounterKey&) = default;
};

/// The volume's description, a JSON document (format sheet, section 2). There is one.
struct SettingRecord {
  std::string json;
  friend bool operator==(const SettingRecord&, const SettingRecord&) = default;
};
struct SettingKey {
  using Record = SettingRecord;
  friend auto operator<=>(const SettingKey&, const SettingKey&) = default;
};

/// A POSIX ACL rule. Read only in this version.
struct AclRecord {
  std::uint16_t owner = 0xFFFF, group = 0xFFFF, mask = 0xFFFF, other = 0xFFFF;  // 0xFFFF: not set
  std::vector<std::pair<std::uint32_t, std::uint16_t>> users, groups;
  friend bool operator==(const AclRecord&, const AclRecord&) = default;
};
struct AclKey {
  std::uint32_t id = 0;
  using Record = AclRecord;
  friend auto operator<=>(const AclKey&, const AclKey&) = default;
};

using Key = std::variant<InodeKey, EntryKey, SlicesKey, SymlinkKey, XattrKey, ParentLinkKey, SliceRefKey,
                         DelayedSlicesKey, DeletedFileKey, SessionKey, SustainedKey, FlockKey, PosixLockKey,
                         DirStatsKey, DirQuotaKey, DetachedKey, CounterKey, SettingKey, AclKey>;

/// The record of some key. std::int64_t stands for ParentLinkKey, SliceRefKey, DetachedKey and CounterKey.
using Record = std::variant<Attr, EntryRecord, SliceList, SymlinkRecord, XattrRecord, std::int64_t, DelayedSlicesRecord,
                            DeletedFileRecord, SessionRecord, SustainedRecord, FlockRecord, std::vector<LockRange>,
                            DirStatsRecord, DirQuotaRecord, SettingRecord, AclRecord>;

struct KeyHash {
  std::size_t operator()(const Key& key) const;
};
/// What a message calls this record: "entry a.txt of directory 7".
std::string describe(const Key& key);
/// Whether a record is of the kind that this key names.
bool fits(const Key& key, const Record& record);

// Ranges: sets of records that can be listed or asked whether they are empty.

/// The names of a directory, in the order of their bytes, after `after` (empty: from the start). With `with_inodes`,
/// each entry is followed by its InodeKey and Attr, where the inode exists and can be read; a limit counts the names
/// alone.
struct EntriesOf {
  Ino parent;
  std::string after;
  bool with_inodes = false;
};
/// All chunk lists of a file, by chunk; `from` … `to` inclusive.
struct SlicesOf {
  Ino ino;
  ChunkIndex from{0};
  ChunkIndex to{0xFFFFFFFF};
};
struct XattrsOf {
  Ino ino;
};
/// Every entry that names this inode (SQL: the edge index; Redis: p{ino}, then d{parent}). Records are EntryKey →
/// EntryRecord where the engine knows names (SQL, memory), and ParentLinkKey → count where it only knows parents.
struct LinksTo {
  Ino ino;
};
struct FlocksOf {
  Ino ino;
};
struct PosixLocksOf {
  Ino ino;
};
struct SustainedOf {
  SessionId session;
};
/// Locks a session holds, of both kinds (FlockKey, PosixLockKey).
struct LocksHeldBy {
  SessionId session;
};
/// Lists over the whole volume, for background work and checks. Paged by `after_number`: the number (inode, slice id,
/// session …) of the last record seen; 0 to begin. Records of one number come together, so that a page may be shorter
/// than its limit, and is longer where one number alone has more: the list has ended when a page is empty. Counters
/// come all at once, after 0.
enum class Whole {
  kInodes,
  kEntries,
  kSlices,
  kSliceRefs,
  kPendingSliceRefs /* count ≤ 0 */,
  kDelayedSlices,
  kDeletedFiles,
  kSessions,
  kSustained,
  kDirStats,
  kDirQuotas,
  kDetached,
  kCounters,
  kXattrs,
  kSymlinks
};
struct WholeVolume {
  Whole what = Whole::kInodes;
  std::uint64_t after_number = 0;
};

using Range =
    std::variant<EntriesOf, SlicesOf, XattrsOf, LinksTo, FlocksOf, PosixLocksOf, SustainedOf, LocksHeldBy, WholeVolume>;

/// One row of a listing.
struct Item {
  Key key;
  Record record;
};

}  // namespace headrace::records
