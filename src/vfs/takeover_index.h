// SPDX-License-Identifier: Apache-2.0
// What a server's successor must know of what the kernel holds: open handles, backings, files with unflushed bytes,
// requests that are being executed (docs/design/0003). It lies in a memfd that is mapped by the server and by the
// process that restarts it, so it is still there when the server was killed between any two instructions: every entry
// is published by one store of its key, its last, and no lock lies in it.
//
// The memory is sparse: an entry that was never used costs nothing. Each table has a limit; what is beyond is not
// remembered (take() says so), and is lost with the server.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/types.h"
#include "vfs/kernel_port.h"

namespace headrace::vfs {

/// An open file or directory; the key is its number.
struct KeptHandle {
  static constexpr std::uint32_t kReads = 1, kWrites = 2, kAppends = 4, kDirectory = 8;
  static constexpr std::uint32_t kLost = 16;  // bytes of its file were lost, and it was not told yet
  std::atomic<std::uint64_t> key;
  NodeId node;
  std::uint32_t flags;
  std::uint32_t mode;  // NodeMode
  std::int32_t backing_id;
  std::uint32_t reserved;
  std::atomic<std::uint64_t> listing_start;  // directories: the cookie at which the listing last began
};
/// A backing that the kernel serves a number from; the key is its id.
struct KeptBacking {
  std::atomic<std::uint64_t> key;
  NodeId node;
};
/// A file with bytes that are not committed; the key is its inode.
struct KeptDirty {
  std::atomic<std::uint64_t> key;
};
/// Who holds POSIX locks through a handle; the key is the handle's number.
struct KeptLock {
  std::atomic<std::uint64_t> key;
  std::uint64_t owner;
};
/// A request that changes something and must not do so twice; the key is the kernel's number for it.
struct KeptRequest {
  enum class State : std::uint32_t { kBegun, kDone, kFailed };
  /// What `detail` is: nothing yet; the handle that was opened; the offset of an append (`length`: its bytes); an
  /// inode.
  enum class Detail : std::uint32_t { kNone, kHandle, kAppend, kIno };
  std::atomic<std::uint64_t> key;
  std::atomic<State> state;
  std::atomic<Detail> kind;
  std::uint32_t code;      // kFailed: a Code
  std::uint32_t survived;  // how many servers died since
  NodeId node;
  std::uint64_t detail;
  std::uint64_t length;

  void note(Detail what, std::uint64_t value, std::uint64_t bytes = 0) {
    detail = value;
    length = bytes;
    kind.store(what, std::memory_order_release);
  }
};
/// What is known of a request that a server did not answer before it died.
struct EarlierRequest {
  KeptRequest::State state = KeptRequest::State::kBegun;
  KeptRequest::Detail kind = KeptRequest::Detail::kNone;
  std::uint32_t code = 0;
  std::uint64_t detail = 0, length = 0;
};

/// One kind of entries. take() and give_back() from any thread; for_each() before others use it.
template <class Entry>
class KeptTable {
 public:
  /// `entries` are in shared memory and zero at first; `used` counts how many were ever taken.
  void bind(Entry* entries, std::uint32_t count, std::atomic<std::uint32_t>* used) {
    entries_ = entries;
    count_ = count;
    used_ = used;
  }
  /// Fresh places for a process that has not taken any yet: those whose key is 0.
  void find_free() {
    MutexLock lock(mutex_);
    free_.clear();
    for (std::uint32_t i = used_->load(); i-- > 0;) {
      if (entries_[i].key.load() == 0) free_.push_back(i);
    }
  }
  /// A place whose key is 0: fill it, then publish() it. Null: the table is full.
  Entry* take() {
    MutexLock lock(mutex_);
    if (!free_.empty()) {
      Entry* const entry = &entries_[free_.back()];
      free_.pop_back();
      return entry;
    }
    if (used_->load(std::memory_order_relaxed) == count_) return nullptr;
    return &entries_[used_->fetch_add(1)];
  }
  static void publish(Entry& entry, std::uint64_t key) { entry.key.store(key, std::memory_order_release); }
  /// Null is allowed.
  void give_back(Entry* entry) {
    if (entry == nullptr) return;
    entry->key.store(0, std::memory_order_release);
    MutexLock lock(mutex_);
    free_.push_back(static_cast<std::uint32_t>(entry - entries_));
  }
  template <class F>
  void for_each(F&& use) {
    for (std::uint32_t i = 0; i < used_->load(); ++i) {
      if (entries_[i].key.load(std::memory_order_acquire) != 0) use(entries_[i]);
    }
  }

 private:
  Entry* entries_ = nullptr;
  std::uint32_t count_ = 0;
  std::atomic<std::uint32_t>* used_ = nullptr;
  Mutex mutex_;
  std::vector<std::uint32_t> free_ GUARDED_BY(mutex_);
};

/// What one server tells the next of the mount itself. Plain bytes.
struct MountRecord {
  std::uint64_t session = 0;
  std::array<std::byte, 64> negotiated{};  // fuse::Negotiated
  std::uint32_t major = 0, minor = 0;      // of the mount's st_dev
  std::uint32_t by_helper = 0;
  std::uint32_t reserved = 0;
  std::int64_t mounted_seconds = 0;
  std::array<char, 64> volume_uuid{};
};

class TakeoverIndex {
 public:
  /// An empty one. kNoMemory, or why the system has no memfd.
  static Result<std::unique_ptr<TakeoverIndex>> create();
  ~TakeoverIndex();
  TakeoverIndex(const TakeoverIndex&) = delete;
  TakeoverIndex& operator=(const TakeoverIndex&) = delete;

  /// In the process that will serve, before it does.
  void begin_serving();

  bool has_mount() const;
  MountRecord mount() const;
  /// Once: there is something to take over from now on.
  void set_mount(const MountRecord& record);

  /// How often a server was started again. The supervisor counts.
  std::uint32_t restarts() const;
  void count_restart();

  /// The next number of a handle: never the same twice, in whatever server.
  std::uint64_t new_handle_number();

  /// A request is executed from now on. `earlier`: where the kernel sends it again, what became of it before; absent
  /// when it had not begun. The entry is null when the table is full.
  struct Begun {
    KeptRequest* entry = nullptr;
    std::optional<EarlierRequest> earlier;
  };
  Begun begin_request(std::uint64_t unique, bool is_sent_again, NodeId node);
  /// Before it is answered: how it ended.
  static void finish_request(KeptRequest& entry, const Result<void>& result);
  /// After it is answered. Null is allowed.
  void end_request(KeptRequest* entry);

  KeptTable<KeptHandle> handles;
  KeptTable<KeptBacking> backings;
  KeptTable<KeptDirty> dirty;
  KeptTable<KeptLock> locks;
  KeptTable<KeptRequest> requests;

 private:
  struct Layout;
  TakeoverIndex(UniqueFd file, Layout* layout);
  const UniqueFd file_;
  Layout* const layout_;
  Mutex mutex_;
  std::unordered_map<std::uint64_t, KeptRequest*> unanswered_ GUARDED_BY(mutex_);  // of servers that died
};

}  // namespace headrace::vfs
