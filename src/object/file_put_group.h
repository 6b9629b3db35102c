// SPDX-License-Identifier: Apache-2.0
// Makes files durable in groups: whoever comes while a group is being committed is in the next one, and one of those
// who wait does the work for all. A group is: all files synced, all renamed, each directory synced once. A caller alone
// pays what it paid before; many callers share the two waits for the disk.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/event.h"
#include "base/fd.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/scope.h"

namespace headrace::object {

/// The system calls that make a directory tree durable. Thread-safe. Each may take as long as the disk does.
class DiskSync {
 public:
  virtual ~DiskSync() = default;
  /// The bytes of one file.
  virtual Result<void> sync_file(int file) = 0;
  /// Everything written to the file system that `descriptor` is on.
  virtual Result<void> sync_file_system(int descriptor) = 0;
  /// The names in one directory.
  virtual Result<void> sync_directory(int directory) = 0;
};

/// fdatasync, syncfs, fsync.
class SystemDiskSync final : public DiskSync {
 public:
  Result<void> sync_file(int file) override;
  Result<void> sync_file_system(int descriptor) override;
  Result<void> sync_directory(int directory) override;
};

/// Nothing: for trees in memory, which a sync does not save.
class NoDiskSync final : public DiskSync {
 public:
  Result<void> sync_file(int) override { return {}; }
  Result<void> sync_file_system(int) override { return {}; }
  Result<void> sync_directory(int) override { return {}; }
};

/// A file that is written under a temporary name and shall get its own.
struct PendingFile {
  struct Directory {
    std::string path;  // equal paths are one directory
    UniqueFd fd;
  };
  UniqueFd file;
  std::string temporary_name, name, key;
  Directory directory;
  /// Directories that must be durable for the path to exist after a crash: parents of ones that were made just now.
  std::vector<Directory> parents;
};

/// Thread-safe. No thread of its own.
class FilePutGroup {
 public:
  /// `tree_root`: any descriptor on the file system of all files. From `group_sync_from` files on, a group is synced by
  /// one sync_file_system() in place of one sync_file() each.
  FilePutGroup(Scheduler& scheduler, DiskSync& sync, int tree_root, std::size_t group_sync_from = 3);

  /// Ok: the file has its name, and all of it is durable. On an error it has it or has not, but never without its bytes
  /// being durable first; the temporary file is gone. A caller that gives up (kTimedOut, kInterrupted) leaves its file
  /// to the group that works on it, or takes it out of the queue.
  Result<void> commit(const Scope& scope, PendingFile file);

  struct Stats {
    std::uint64_t groups = 0, files = 0;
    std::size_t waiting = 0;  // now
  };
  Stats stats() const;

 private:
  struct Item {
    PendingFile file;
    bool is_done = false;
    bool is_renamed = false;
    Result<void> result;
  };
  using ItemPointer = std::shared_ptr<Item>;

  void commit_group(const std::vector<ItemPointer>& group);
  void sync_files(const std::vector<ItemPointer>& group);
  void sync_directories(const std::vector<ItemPointer>& group);
  static void rename_file(Item& item);
  static void drop_temporary(const PendingFile& file);

  DiskSync& sync_;
  const int tree_root_;
  const std::size_t group_sync_from_;
  mutable Mutex mutex_;
  std::deque<ItemPointer> queue_ GUARDED_BY(mutex_);
  bool is_committing_ GUARDED_BY(mutex_) = false;
  Stats stats_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> changed_;
};

}  // namespace headrace::object
