// SPDX-License-Identifier: Apache-2.0
// The metadata of one volume: directories, inodes, chunk lists, locks, sessions. Each method is one operation, written
// once under meta/ops as a function over a transaction, for every engine. Volume adds what an operation may not have:
// the clock, ids, the table of what this client holds open, the session.
//
// All methods are thread-safe. Names are checked here (kInvalid: empty or with '/', "." or ".."; kNameTooLong).
// Permission bits are the kernel's to check (default_permissions); what the kernel leaves open is decided here: sticky
// directories, immutable and append-only flags, who may change owner and mode, trash. On a read-only volume every
// change is kReadOnly.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/attr.h"
#include "base/extent.h"
#include "base/log.h"
#include "base/result.h"
#include "base/scope.h"
#include "meta/volume_format.h"
#include "records/txn.h"

namespace headrace::meta {

/// A name and what it names.
struct Entry {
  Ino ino;
  Attr attr;
};
struct DirEntry {
  std::string name;
  Ino ino;
  FileType type = FileType::kRegular;
  std::optional<Attr> attr;  // when asked for, and the record exists
};

/// What setattr changes. Absent members stay.
struct AttrChange {
  std::optional<std::uint16_t> mode;
  std::optional<std::uint32_t> uid, gid;
  std::optional<Timestamp> atime, mtime;
  bool atime_now = false, mtime_now = false;
  std::optional<std::uint8_t> flags;
};

/// What mknod makes.
struct NewNode {
  FileType type = FileType::kRegular;
  std::uint16_t mode = 0644;  // before the umask
  std::uint32_t rdev = 0;
  std::string symlink_target;  // for kSymlink
};

/// What became of a file whose name went away.
struct Removed {
  Ino ino;
  FileType type = FileType::kRegular;
  bool is_gone = false;  // no name is left and nobody here holds it: its data are being released
  bool is_in_trash = false;
};
struct Renamed {
  Entry moved;
  std::optional<Removed> replaced;
};

inline constexpr std::uint32_t kRenameNoReplace = 1, kRenameExchange = 2;
inline constexpr int kFallocateKeepSize = 1, kFallocatePunchHole = 2, kFallocateZeroRange = 0x10;
inline constexpr std::uint32_t kXattrCreate = 1, kXattrReplace = 2;
inline constexpr std::size_t kXattrNameMax = 255, kXattrValueMax = 65536;

/// A chunk's visible pieces together with the attributes of the same moment.
struct ChunkView {
  Attr attr;
  ExtentList extents;           // cover the chunk up to the file's length, holes included; file offsets
  std::size_t list_length = 0;  // references in the stored list
};
/// A slice to be shown at `pos` of a chunk.
struct NewSlice {
  ChunkIndex chunk;
  records::Slice slice;
};
struct CopyResult {
  std::uint64_t copied_bytes = 0;
  Attr attr;  // of the destination
};
struct LockRequest {
  std::uint32_t type = 0;  // F_RDLCK 0, F_WRLCK 1, F_UNLCK 2
  std::uint32_t pid = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // inclusive
};
struct VolumeUsage {
  std::uint64_t total_bytes = 0, available_bytes = 0, used_inodes = 0, available_inodes = 0, used_bytes = 0;
};
struct SessionInfo {
  SessionId session;
  std::int64_t expires_seconds = 0;
  std::string info;  // JSON as stored
};

/// A slice whose objects may be deleted now.
struct DoomedSlice {
  SliceId slice;
  std::uint32_t size = 0;
};

/// The first records of a chunk's list that one new slice can replace.
struct CompactionPlan {
  Ino ino;
  ChunkIndex chunk;
  records::SliceList replaced;  // exactly what the list begins with (skipped records included)
  std::size_t skipped = 0;      // how many of `replaced` stay, in front
  std::uint32_t pos = 0;        // where the new slice is shown
  std::uint32_t size = 0;
  ExtentList extents;  // what the new slice must hold, file offsets
};

struct VolumeOptions {
  bool is_read_only = false;
  std::string mount_point;  // shown in the session
  Duration heartbeat = std::chrono::seconds(12);
  Duration skip_dir_mtime = std::chrono::nanoseconds(0);  // JuiceFS's default is 100 ms; POSIX wants every change
  bool has_session = true;                                // tools have none
  /// The session of a process that died, to go on with: its locks and the files it held without a name are this
  /// client's. 0: a new one.
  SessionId takes_over{0};
};

/// A lock that a session holds. What exactly is locked only the metadata know.
struct HeldLock {
  Ino ino;
  LockOwner owner;
  bool is_flock = false;
};

class Volume {
 public:
  /// Reads the description and starts the session. kVersion, kReadOnly (wanted writable, may not be) with the sentence.
  /// kStale: the session to be taken over is gone, because somebody cleaned up after it. With `takes_over`, all that
  /// was visible is durable when this returns.
  static Result<std::unique_ptr<Volume>> open(const Scope& scope, records::RecordEngine& engine, Scheduler& scheduler,
                                              const Log& log, VolumeOptions options);
  ~Volume();

  const VolumeFormat& format() const;
  bool is_read_only() const;
  SessionId session() const;

  // Names.
  /// `name` may be "." or "..". ".trash" is answered at the root when the volume has one.
  Result<Entry> lookup(const Scope& scope, Ino parent, std::string_view name);
  Result<Entry> mknod(const Scope& scope, const Caller& caller, Ino parent, std::string_view name, const NewNode& node);
  /// mknod() of a regular file, held from before anybody can find it: pair with release().
  Result<Entry> create(const Scope& scope, const Caller& caller, Ino parent, std::string_view name,
                       const NewNode& node);
  /// A regular file without a name, held open by this session (O_TMPFILE). Already held: pair with release().
  Result<Entry> create_unnamed(const Scope& scope, const Caller& caller, Ino parent, const NewNode& node);
  Result<Removed> unlink(const Scope& scope, const Caller& caller, Ino parent, std::string_view name);
  Result<Removed> rmdir(const Scope& scope, const Caller& caller, Ino parent, std::string_view name);
  Result<Renamed> rename(const Scope& scope, const Caller& caller, Ino from, std::string_view from_name, Ino to,
                         std::string_view to_name, std::uint32_t flags);
  Result<Entry> link(const Scope& scope, const Caller& caller, Ino ino, Ino parent, std::string_view name);
  Result<std::string> readlink(const Scope& scope, Ino ino);
  /// Entries after `after` in the order of names, without "." and "..", at most `limit`.
  Result<std::vector<DirEntry>> readdir(const Scope& scope, Ino directory, std::string_view after, std::size_t limit,
                                        bool with_attrs);
  /// The directory that holds this one; for a file one of those that do.
  Result<Ino> parent_of(const Scope& scope, Ino ino);
  /// Every path of an inode from the root, at most `limit`: for people.
  Result<std::vector<std::string>> paths_of(const Scope& scope, Ino ino, std::size_t limit);

  // Attributes.
  Result<Attr> getattr(const Scope& scope, Ino ino);
  Result<Attr> setattr(const Scope& scope, const Caller& caller, Ino ino, const AttrChange& change);
  Result<std::string> getxattr(const Scope& scope, Ino ino, std::string_view name);
  Result<void> setxattr(const Scope& scope, Ino ino, std::string_view name, std::string_view value,
                        std::uint32_t flags);
  Result<std::vector<std::string>> listxattr(const Scope& scope, Ino ino);
  Result<void> removexattr(const Scope& scope, Ino ino, std::string_view name);
  Result<VolumeUsage> usage(const Scope& scope);

  // Holding: an inode that is held stays readable after its last name is gone, until the last release.
  /// kNotFound when it is gone already.
  Result<Attr> hold(const Scope& scope, Ino ino);
  Result<void> release(const Scope& scope, Ino ino);

  // Bytes.
  Result<ChunkView> chunk(const Scope& scope, Ino ino, ChunkIndex chunk);
  /// All extents of a file with its attributes, if they are at most `extents_max`; else kTooBig.
  Result<ChunkView> whole_file(const Scope& scope, Ino ino, std::size_t extents_max);
  Result<SliceId> new_slice_id(const Scope& scope);
  /// Publishes slices in this order and the length that follows. `modified`: when the bytes were written. kNotFound:
  /// the file is gone; kNoSpace: over the volume's capacity. In both cases the slices are not referenced, and their
  /// objects the caller's to remove.
  Result<Attr> commit_slices(const Scope& scope, Ino ino, std::span<const NewSlice> slices, Timestamp modified);
  Result<Attr> truncate(const Scope& scope, const Caller& caller, Ino ino, std::uint64_t length);
  Result<Attr> fallocate(const Scope& scope, const Caller& caller, Ino ino, int mode, std::uint64_t offset,
                         std::uint64_t length);
  Result<CopyResult> copy_range(const Scope& scope, Ino in, std::uint64_t in_offset, Ino out, std::uint64_t out_offset,
                                std::uint64_t length);
  /// Waits until everything that was visible is durable.
  Result<void> sync(const Scope& scope);

  // Locks. Never wait: kWouldBlock when another owner's lock conflicts; waiting is vfs/locks.
  Result<void> flock(const Scope& scope, Ino ino, LockOwner owner, std::uint32_t type);
  Result<void> setlk(const Scope& scope, Ino ino, LockOwner owner, const LockRequest& request);
  /// The first lock that would conflict, or one of type F_UNLCK.
  Result<LockRequest> getlk(const Scope& scope, Ino ino, LockOwner owner, const LockRequest& request);

  /// All that the session held when it was taken over; once. Before other threads use the volume.
  std::vector<HeldLock> take_adopted_locks();

  // Background work: planned here, done by vfs/maintenance.
  /// One heartbeat: renews the session, rereads the description. kStale: the volume was replaced or is gone, or the
  /// session was taken for dead and cleaned up after, so that its locks are no longer its own: stop.
  Result<void> heartbeat(const Scope& scope);
  /// Cleans up after sessions that expired, at most 1,000; returns how many.
  Result<std::size_t> reap_sessions(const Scope& scope);
  Result<std::vector<SessionInfo>> sessions(const Scope& scope);
  /// Releases the chunks of deleted files that are at least `age` old; returns how many files are done.
  Result<std::size_t> release_deleted_files(const Scope& scope, Duration age, std::size_t limit);
  /// Slices without a reference; after their objects are gone, forget_slice().
  Result<std::vector<DoomedSlice>> doomed_slices(const Scope& scope, std::size_t limit);
  Result<void> forget_slice(const Scope& scope, DoomedSlice slice);
  /// Retired slices older than the trash: lowers their references; returns how many.
  Result<std::size_t> expire_delayed_slices(const Scope& scope, std::size_t limit);
  /// Empties trash hours older than the volume keeps; returns how many entries went.
  Result<std::size_t> expire_trash(const Scope& scope, std::size_t limit);
  /// What a compaction of this chunk would replace; nothing when it is not worth it.
  Result<std::optional<CompactionPlan>> plan_compaction(const Scope& scope, Ino ino, ChunkIndex chunk);
  /// kConflict: the list begins otherwise by now; the slice is then doomed.
  Result<void> commit_compaction(const Scope& scope, const CompactionPlan& plan, SliceId slice);
  /// May this client run the named periodic job now? Claims it ("lastCleanupFiles" …) when its last run is older than
  /// `interval`.
  Result<bool> claim_job(const Scope& scope, std::string_view counter, Duration interval);

  /// May this client back the metadata up now? As claim_job(), by the mark that the real client keeps for it: the
  /// extended attribute "lastBackup" of the root.
  Result<bool> claim_backup(const Scope& scope, Duration interval);
  /// How many operations of this client have changed the volume so far; its own periodic marks do not count.
  std::uint64_t changes() const;

  /// For commands that look at everything: fsck, gc, summary.
  records::RecordEngine& engine();

  /// Ends the session as a clean unmount does. Idempotent.
  Result<void> close(const Scope& scope);

 private:
  friend class TrashSweep;
  struct Impl;
  explicit Volume(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Writes the description, the root, the trash root and the first counters into an empty engine. kExists: there is a
/// volume; with the same name and `force` its changeable members are replaced (kInvalid names one that may not change).
Result<VolumeFormat> format_volume(const Scope& scope, records::RecordEngine& engine, const Clock& clock,
                                   VolumeFormat format, bool force);
/// The description alone; kNotFound: not formatted.
Result<VolumeFormat> load_format(const Scope& scope, records::RecordEngine& engine);

}  // namespace headrace::meta
