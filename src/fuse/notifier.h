// SPDX-License-Identifier: Apache-2.0
// The kernel port of a mount: registers backing files, and tells the kernel what to forget. Notifications go out by one
// thread that serves no requests, because the kernel may hold a notification back until the very request is answered
// that caused it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "base/event.h"
#include "base/log.h"
#include "fuse/init.h"
#include "metrics/registry.h"
#include "vfs/kernel_port.h"

namespace headrace::fuse {

/// What waits at most: an inode is 24 bytes of message, an entry up to 272.
struct NotifierLimits {
  std::size_t inodes_max = 65536;
  std::size_t entries_max = 16384;
};

/// Several notifications about one inode wait as one, about what covers them all; the same name waits once. When too
/// many names wait, all names the kernel knows are dropped at once (an epoch, protocol 7.44) in their place; where
/// there is none, and for inodes, the notification is given up and counted: the kernel then goes on with what it has
/// until its time is over.
class Notifier final : public vfs::KernelPort {
 public:
  /// `device` stays open and the caller's. `is_privileged`: this process may register backing files.
  Notifier(int device, const Negotiated& negotiated, Scheduler& scheduler, const Log& log, metrics::Registry& registry,
           NotifierLimits limits = {});
  ~Notifier() override;

  Result<std::int32_t> register_backing(int descriptor) override;
  void release_backing(std::int32_t backing_id) override;
  void invalidate_inode(vfs::NodeId node, const vfs::InodeChange& change) override;
  void invalidate_entry(vfs::NodeId parent, const std::string& name) override;
  Result<void> drain(const Scope& scope, const vfs::Asker& asker) override;

  /// Sends what waits no more, and ends the thread. The connection has ended, or is served still. Idempotent.
  void close();

 private:
  struct Entry {
    vfs::NodeId parent;
    std::string name;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct EntryHash {
    std::size_t operator()(const Entry& entry) const noexcept;
  };
  struct Epoch {};
  using Item = std::variant<vfs::NodeId, Entry, Epoch>;  // what is to be said of an inode is in inodes_

  static vfs::InodeChange cover(const vfs::InodeChange& before, const vfs::InodeChange& after);
  void queue(Item item) REQUIRES(mutex_);
  void run(std::stop_token stop);
  void send_inode(vfs::NodeId node, const vfs::InodeChange& change);
  void send_range(vfs::NodeId node, std::int64_t offset, std::int64_t length);
  void send_end(vfs::NodeId node, const vfs::FileEnd& end);
  void send_entry(const Entry& entry);
  void send_epoch();

  const Clock& clock_;
  const int device_;
  const Negotiated negotiated_;
  const Log& log_;
  const NotifierLimits limits_;
  metrics::Counter& inodes_sent_;
  metrics::Counter& entries_sent_;
  metrics::Counter& epochs_sent_;
  metrics::Counter& lost_;
  metrics::Gauge& backings_;

  Mutex mutex_;
  std::deque<Item> queue_ GUARDED_BY(mutex_);
  std::unordered_map<vfs::NodeId, vfs::InodeChange> inodes_ GUARDED_BY(mutex_);
  std::unordered_set<Entry, EntryHash> entries_ GUARDED_BY(mutex_);
  bool epoch_waits_ GUARDED_BY(mutex_) = false;
  std::uint64_t queued_ GUARDED_BY(mutex_) = 0;  // items ever queued
  std::uint64_t sent_ GUARDED_BY(mutex_) = 0;    // items ever done
  vfs::NodeId sending_ GUARDED_BY(mutex_) = 0;   // whom the item under way is about; 0: no number
  bool is_closed_ GUARDED_BY(mutex_) = false;
  const std::unique_ptr<Event> changed_;
  std::jthread thread_;  // last
};

}  // namespace headrace::fuse
