// SPDX-License-Identifier: Apache-2.0
// Leader and followers around fdatasync, syncfs, rename and fsync.
#include "object/file_put_group.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>

#include "object/file_tree.h"

namespace headrace::object {
namespace {

// More than any number of uploads at a time; it bounds what one leader does for others.
constexpr std::size_t kGroupFilesMax = 256;

Result<void> done(int result, std::string_view what) {
  if (result == 0) return {};
  return file_error(errno, what, "the bucket's directory");
}

}  // namespace

Result<void> SystemDiskSync::sync_file(int file) { return done(::fdatasync(file), "fdatasync in"); }
Result<void> SystemDiskSync::sync_file_system(int descriptor) { return done(::syncfs(descriptor), "syncfs of"); }
Result<void> SystemDiskSync::sync_directory(int directory) { return done(::fsync(directory), "fsync in"); }

FilePutGroup::FilePutGroup(Scheduler& scheduler, DiskSync& sync, int tree_root, std::size_t group_sync_from)
    : sync_(sync), tree_root_(tree_root), group_sync_from_(group_sync_from), changed_(scheduler.new_event()) {}

Result<void> FilePutGroup::commit(const Scope& scope, PendingFile file) {
  const auto item = std::make_shared<Item>();
  item->file = std::move(file);
  MutexLock lock(mutex_);
  queue_.push_back(item);
  while (true) {
    const Result<void> waited =
        changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS { return item->is_done || !is_committing_; });
    if (item->is_done) return item->result;
    if (!waited) {
      const bool was_queued = std::erase(queue_, item) > 0;
      lock.unlock();
      if (was_queued) drop_temporary(item->file);
      return waited;
    }
    is_committing_ = true;
    const std::size_t count = std::min(queue_.size(), kGroupFilesMax);
    const std::vector<ItemPointer> group(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
    stats_.groups += 1;
    stats_.files += count;
    lock.unlock();
    commit_group(group);
    lock.lock();
    is_committing_ = false;
    for (const ItemPointer& one : group) one->is_done = true;
    changed_->notify_all();
  }
}

void FilePutGroup::commit_group(const std::vector<ItemPointer>& group) {
  sync_files(group);
  for (const ItemPointer& item : group) {
    if (item->result) rename_file(*item);
    if (!item->is_renamed) drop_temporary(item->file);
  }
  sync_directories(group);
}

void FilePutGroup::sync_files(const std::vector<ItemPointer>& group) {
  if (group.size() >= group_sync_from_ && sync_.sync_file_system(tree_root_)) return;
  // syncfs also reports what went wrong with files of others: file by file it shows whose it was.
  for (const ItemPointer& item : group) item->result = sync_.sync_file(item->file.file.get());
}

void FilePutGroup::rename_file(Item& item) {
  const PendingFile& file = item.file;
  const int directory = file.directory.fd.get();
  if (::renameat(directory, file.temporary_name.c_str(), directory, file.name.c_str()) == 0) {
    item.is_renamed = true;
  } else {
    item.result = file_error(errno, "rename to", file.key);
  }
}

void FilePutGroup::sync_directories(const std::vector<ItemPointer>& group) {
  std::map<std::string_view, Result<void>> synced;
  const auto sync_once = [&](const PendingFile::Directory& directory) -> const Result<void>& {
    const auto [at, is_new] = synced.try_emplace(directory.path);
    if (is_new) at->second = sync_.sync_directory(directory.fd.get());
    return at->second;
  };
  for (const ItemPointer& item : group) {
    if (!item->is_renamed) continue;
    item->result = sync_once(item->file.directory);
    for (const PendingFile::Directory& parent : item->file.parents) {
      const Result<void>& result = sync_once(parent);
      if (item->result) item->result = result;
    }
  }
}

void FilePutGroup::drop_temporary(const PendingFile& file) {
  ::unlinkat(file.directory.fd.get(), file.temporary_name.c_str(), 0);
}

FilePutGroup::Stats FilePutGroup::stats() const {
  MutexLock lock(mutex_);
  Stats stats = stats_;
  stats.waiting = queue_.size();
  return stats;
}

}  // namespace headrace::object
