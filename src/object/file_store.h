// SPDX-License-Identifier: Apache-2.0
// file://: a directory as a bucket, laid out as JuiceFS's file driver does (juicefs-volume-format, section 5.3): an
// object's path is the directory and the key. Beyond that driver, a put is atomic and durable when it returns,
// concurrent puts share the syncs, and the CRC-32C of each object is kept in the extended attribute
// user.headrace.crc32c (decimal) where the file system has those.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <string>

#include "base/event.h"
#include "base/mutex.h"
#include "base/rng.h"
#include "object/file_put_group.h"
#include "object/file_tree.h"
#include "object/file_walk.h"
#include "object/object_store.h"

namespace headrace::object {

inline constexpr char kChecksumAttribute[] = "user.headrace.crc32c";

/// Thread-safe. Besides object_store.h:
///   - Keys are paths: one with an empty component, a '/' at its end or a component of more than 255 bytes cannot be
///     put (kInvalid), nor one below an object (kNotDirectory) or with the name of a directory (kIsDirectory).
///   - Only regular files are objects. Symbolic links are followed as long as they stay below the directory.
///   - A crash while putting may leave a file ".jfs.NAME.tmp.NUMBER" beside the object; it is listed like any other
///     (is_temporary_key()).
///   - A system call that the disk keeps waiting cannot be left: the deadline is looked at between calls.
///   - Files that others write in place while they are read give kTransient.
class FileStore final : public ObjectStore {
 public:
  /// `directory` must exist; kNotFound, kNotDirectory, kUnauthorized otherwise.
  static Result<std::unique_ptr<FileStore>> open(const std::string& directory, Scheduler& scheduler);
  /// With other syncs than the system's, for tests. `sync` outlives the store.
  static Result<std::unique_ptr<FileStore>> open(const std::string& directory, Scheduler& scheduler, DiskSync& sync);

  Result<GetResult> get(const Scope& scope, std::string_view key, std::uint64_t offset, MutableByteSpan into) override;
  Result<void> put(const Scope& scope, std::string_view key, std::span<const ByteSpan> parts) override;
  Result<ObjectInfo> head(const Scope& scope, std::string_view key) override;
  Result<void> remove(const Scope& scope, std::span<const std::string> keys) override;
  Result<ListPage> list(const Scope& scope, std::string_view prefix, std::string_view after,
                        std::size_t limit) override;
  const StoreTraits& traits() const override { return traits_; }

  FilePutGroup::Stats put_stats() const { return group_.stats(); }

 private:
  FileStore(FileTree tree, Scheduler& scheduler, std::unique_ptr<DiskSync> own_sync, DiskSync* sync);

  Result<UniqueFd> open_object(std::string_view key);
  Result<std::optional<GetResult>> get_once(std::string_view key, std::uint64_t offset, MutableByteSpan into);
  Result<PendingFile> write_temporary(std::string_view key, std::span<const ByteSpan> parts);
  Result<UniqueFd> open_directory_for(std::string_view path, PendingFile& file);
  void forget_new_directories(std::string_view path);
  Result<void> remove_one(const std::string& key);

  /// A listing that may go on where it stopped: with the next object already at hand.
  struct Cursor {
    std::string prefix, after;
    ObjectInfo next;
    std::unique_ptr<FileWalk> walk;
  };
  std::optional<Cursor> take_cursor(std::string_view prefix, std::string_view after);
  void keep_cursor(Cursor cursor);

  const FileTree tree_;
  const Clock& clock_;
  const StoreTraits traits_;
  const std::unique_ptr<DiskSync> own_sync_;
  FilePutGroup group_;
  Rng rng_;
  std::atomic<bool> may_skip_atime_{true};
  std::atomic<bool> has_attributes_{true};
  Mutex mutex_;
  /// Directories made by puts that have not ended well yet: everyone who puts below one syncs its parent too.
  std::vector<std::string> new_directories_ GUARDED_BY(mutex_);
  std::list<Cursor> cursors_ GUARDED_BY(mutex_);  // the latest first
};

}  // namespace headrace::object
