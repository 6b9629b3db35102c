// SPDX-License-Identifier: Apache-2.0
#include "fuse/notifier.h"

#include <sys/ioctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "fuse/device.h"

namespace headrace::fuse {
namespace {

template <class Body>
int send_notice(int device, std::int32_t code, const Body& body, std::string_view tail = {}) {
  const fuse_out_header out{static_cast<std::uint32_t>(sizeof out + sizeof body + tail.size()), code, 0};
  const std::array<iovec, 3> parts{iovec{const_cast<fuse_out_header*>(&out), sizeof out},
                                   iovec{const_cast<Body*>(&body), sizeof body},
                                   iovec{const_cast<char*>(tail.data()), tail.size()}};
  return write_message(device, std::span(parts).first(tail.empty() ? 2 : 3));
}

}  // namespace

std::size_t Notifier::EntryHash::operator()(const Entry& entry) const noexcept {
  return std::hash<std::string>{}(entry.name) ^ (entry.parent * 0x9E3779B97F4A7C15ull);
}

Notifier::Notifier(int device, const Negotiated& negotiated, Scheduler& scheduler, const Log& log,
                   metrics::Registry& registry, NotifierLimits limits)
    : clock_(scheduler.clock()),
      device_(device),
      negotiated_(negotiated),
      log_(log),
      limits_(limits),
      inodes_sent_(registry.counter("headrace_fuse_notifications_total", "inode")),
      entries_sent_(registry.counter("headrace_fuse_notifications_total", "entry")),
      epochs_sent_(registry.counter("headrace_fuse_notifications_total", "epoch")),
      lost_(registry.counter("headrace_fuse_notifications_lost_total")),
      backings_(registry.gauge("headrace_fuse_backings")),
      changed_(scheduler.new_event()),
      thread_(scheduler.new_thread("fuse-notify", [this](std::stop_token stop) { run(stop); })) {}

Notifier::~Notifier() { close(); }

void Notifier::close() {
  {
    MutexLock lock(mutex_);
    is_closed_ = true;
    queue_.clear();
    inodes_.clear();
    entries_.clear();
    sent_ = queued_;
    changed_->notify_all();
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Result<std::int32_t> Notifier::register_backing(int descriptor) {
  if (!negotiated_.has_passthrough()) return Error(Code::kNotSupported, "no passthrough on this mount");
  BackingMap map{descriptor, 0, 0};
  const int id = ioctl(device_, kIocBackingOpen, &map);
  if (id > 0) {
    backings_.add(1);
    return id;
  }
  // EPERM: no CAP_SYS_ADMIN in the first user namespace. ELOOP: a file system that cannot be behind another one.
  const int error = errno;
  if (error == EPERM || error == EOPNOTSUPP || error == ENOTTY || error == ELOOP || error == EINVAL) {
    return Error(Code::kNotSupported, errno_error(error, "register a backing file").message);
  }
  return errno_error(error, "register a backing file");
}

void Notifier::release_backing(std::int32_t backing_id) {
  auto id = static_cast<std::uint32_t>(backing_id);
  if (ioctl(device_, kIocBackingClose, &id) == 0) {
    backings_.add(-1);
    return;
  }
  // The connection being over is the one good reason.
  if (errno != ENODEV && errno != ECONNABORTED && errno != EPERM) {
    log_.warn("a backing file could not be released", {{"error", errno_error(errno, "ioctl").message}});
  }
}

vfs::InodeChange Notifier::cover(const vfs::InodeChange& before, const vfs::InodeChange& after) {
  const std::optional<vfs::FileEnd>& end = after.end ? after.end : before.end;
  if (before.offset < 0) return {after.offset, after.length, end};
  if (after.offset < 0) return {before.offset, before.length, end};
  constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
  const auto past = [](const vfs::InodeChange& change) {
    return change.length <= 0 || change.offset > kAll - change.length ? kAll : change.offset + change.length;
  };
  const std::int64_t start = std::min(before.offset, after.offset), last = std::max(past(before), past(after));
  return {start, last == kAll ? 0 : last - start, end};
}

void Notifier::queue(Item item) {
  queue_.push_back(std::move(item));
  ++queued_;
  changed_->notify_all();
}

void Notifier::invalidate_inode(vfs::NodeId node, const vfs::InodeChange& change) {
  MutexLock lock(mutex_);
  if (is_closed_) return;
  if (const auto waiting = inodes_.find(node); waiting != inodes_.end()) {
    waiting->second = cover(waiting->second, change);
    return;
  }
  if (inodes_.size() >= limits_.inodes_max) {
    lost_.add();
    return;
  }
  inodes_.emplace(node, change);
  queue(node);
}

void Notifier::invalidate_entry(vfs::NodeId parent, const std::string& name) {
  MutexLock lock(mutex_);
  if (is_closed_ || epoch_waits_) return;  // an epoch that waits covers every name
  if (entries_.size() >= limits_.entries_max && !entries_.contains({parent, name})) {
    if (!negotiated_.has_entry_epoch()) {
      lost_.add();
      return;
    }
    // In place of all names that wait; the queue's items for them find nothing to do.
    entries_.clear();
    epoch_waits_ = true;
    queue(Epoch{});
    return;
  }
  if (entries_.insert({parent, name}).second) queue(Entry{parent, name});
}

Result<void> Notifier::drain(const Scope& scope, const vfs::Asker& asker) {
  MutexLock lock(mutex_);
  const std::uint64_t until = queued_;
  for (;;) {
    TRY_OK(changed_->wait(scope, mutex_, [&]() NO_THREAD_SAFETY_ANALYSIS {
      return sent_ >= until || (asker.node != 0 && sending_ == asker.node);
    }));
    if (sent_ >= until) return {};
    const std::uint64_t under_way = sent_;
    const Scope patient = scope.until(clock_.now() + asker.patience);
    const auto is_past = [&]() NO_THREAD_SAFETY_ANALYSIS { return sent_ != under_way; };
    if (const Result<void> past = changed_->wait(patient, mutex_, is_past); !past)
      return past.code() == Code::kTimedOut && clock_.now() < scope.deadline ? Result<void>{} : past;
  }
}

void Notifier::run(std::stop_token stop) {
  const Scope scope{Moment::max(), stop};
  MutexLock lock(mutex_);
  while (changed_->wait(scope, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return !queue_.empty(); })) {
    const Item item = std::move(queue_.front());
    queue_.pop_front();
    if (const auto* node = std::get_if<vfs::NodeId>(&item)) {
      const vfs::InodeChange change = inodes_.extract(*node).mapped();
      sending_ = *node;
      changed_->notify_all();
      lock.unlock();
      send_inode(*node, change);
      lock.lock();
      sending_ = 0;
    } else if (const auto* entry = std::get_if<Entry>(&item)) {
      const bool still_waits = entries_.erase(*entry) > 0;
      lock.unlock();
      if (still_waits) send_entry(*entry);
      lock.lock();
    } else {
      epoch_waits_ = false;
      lock.unlock();
      send_epoch();
      lock.lock();
    }
    ++sent_;
    changed_->notify_all();
    if (is_closed_) return;
  }
}

// ENOENT: the kernel had it not cached. Once the connection is over there is nothing to forget. So no error is one.

// A page with stores, brought when the end has moved on, would have zeros up to there: so it is dropped before, too.
void Notifier::send_inode(vfs::NodeId node, const vfs::InodeChange& change) {
  if (change.end) {
    send_range(node, change.offset, change.length);
    send_end(node, *change.end);
  }
  send_range(node, change.offset, change.length);
}

void Notifier::send_range(vfs::NodeId node, std::int64_t offset, std::int64_t length) {
  send_notice(device_, FUSE_NOTIFY_INVAL_INODE, fuse_notify_inval_inode_out{node, offset, length});
  inodes_sent_.add();
}

// Bytes for the page cache are the one message that moves an inode's end: one byte, the last. Of its page it makes no
// more than it says, and the invalidation that follows drops the page.
void Notifier::send_end(vfs::NodeId node, const vfs::FileEnd& end) {
  const fuse_notify_store_out store{node, end.length - 1, 1, 0};
  const char last = static_cast<char>(end.last_byte);
  send_notice(device_, FUSE_NOTIFY_STORE, store, std::string_view(&last, 1));
}

void Notifier::send_entry(const Entry& entry) {
  send_notice(device_, FUSE_NOTIFY_INVAL_ENTRY,
              fuse_notify_inval_entry_out{entry.parent, static_cast<std::uint32_t>(entry.name.size()), 0},
              std::string_view(entry.name.c_str(), entry.name.size() + 1));  // with its NUL
  entries_sent_.add();
}

void Notifier::send_epoch() {
  const fuse_out_header out{sizeof out, kNotifyIncEpoch, 0};
  const iovec part{const_cast<fuse_out_header*>(&out), sizeof out};
  write_message(device_, std::span(&part, 1));
  epochs_sent_.add();
}

}  // namespace headrace::fuse
