// SPDX-License-Identifier: Apache-2.0
#include "vfs/takeover_index.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace headrace::vfs {
namespace {

constexpr std::uint32_t kHandlesMax = 1u << 20, kBackingsMax = 1u << 16, kDirtyMax = 1u << 18, kLocksMax = 1u << 16,
                        kRequestsMax = 4096;
/// A request that was not sent again to so many servers is not missed by anybody.
constexpr std::uint32_t kSurvivedMax = 3;

}  // namespace

struct TakeoverIndex::Layout {
  std::atomic<std::uint32_t> has_mount, restarts;
  std::atomic<std::uint64_t> handles_made;
  MountRecord mount;
  std::atomic<std::uint32_t> handles_used, backings_used, dirty_used, locks_used, requests_used;
  KeptRequest requests[kRequestsMax];
  KeptHandle handles[kHandlesMax];
  KeptBacking backings[kBackingsMax];
  KeptDirty dirty[kDirtyMax];
  KeptLock locks[kLocksMax];
};

Result<std::unique_ptr<TakeoverIndex>> TakeoverIndex::create() {
  UniqueFd file(memfd_create("headrace-index", MFD_CLOEXEC));
  if (!file.is_open()) return errno_error(errno, "memfd");
  if (ftruncate(file.get(), sizeof(Layout)) != 0) return errno_error(errno, "size the index");
  void* const memory = mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return errno_error(errno, "map the index");
  // All of it is zero, which is what each member begins with.
  return std::unique_ptr<TakeoverIndex>(new TakeoverIndex(std::move(file), static_cast<Layout*>(memory)));
}

TakeoverIndex::TakeoverIndex(UniqueFd file, Layout* layout) : file_(std::move(file)), layout_(layout) {
  handles.bind(layout_->handles, kHandlesMax, &layout_->handles_used);
  backings.bind(layout_->backings, kBackingsMax, &layout_->backings_used);
  dirty.bind(layout_->dirty, kDirtyMax, &layout_->dirty_used);
  locks.bind(layout_->locks, kLocksMax, &layout_->locks_used);
  requests.bind(layout_->requests, kRequestsMax, &layout_->requests_used);
}

TakeoverIndex::~TakeoverIndex() { munmap(layout_, sizeof(Layout)); }

void TakeoverIndex::begin_serving() {
  handles.find_free();
  backings.find_free();
  dirty.find_free();
  locks.find_free();
  requests.find_free();
  MutexLock lock(mutex_);
  unanswered_.clear();
  requests.for_each([this](KeptRequest& entry) NO_THREAD_SAFETY_ANALYSIS {
    if (++entry.survived > kSurvivedMax) {
      requests.give_back(&entry);  // it was answered at the last moment
    } else {
      unanswered_.emplace(entry.key.load(), &entry);
    }
  });
}

TakeoverIndex::Begun TakeoverIndex::begin_request(std::uint64_t unique, bool is_sent_again, NodeId node) {
  Begun begun;
  if (is_sent_again) {
    MutexLock lock(mutex_);
    if (const auto found = unanswered_.find(unique); found != unanswered_.end()) {
      begun.entry = found->second;
      unanswered_.erase(found);
      KeptRequest& entry = *begun.entry;
      entry.survived = 0;
      begun.earlier = {entry.state.load(), entry.kind.load(), entry.code, entry.detail, entry.length};
      return begun;
    }
  }
  begun.entry = requests.take();
  if (begun.entry == nullptr) return begun;
  begun.entry->state.store(KeptRequest::State::kBegun);
  begun.entry->kind.store(KeptRequest::Detail::kNone);
  begun.entry->survived = 0;
  begun.entry->node = node;
  KeptTable<KeptRequest>::publish(*begun.entry, unique);
  return begun;
}

void TakeoverIndex::finish_request(KeptRequest& entry, const Result<void>& result) {
  if (!result) entry.code = static_cast<std::uint32_t>(result.code());
  entry.state.store(result ? KeptRequest::State::kDone : KeptRequest::State::kFailed, std::memory_order_release);
}

void TakeoverIndex::end_request(KeptRequest* entry) { requests.give_back(entry); }

bool TakeoverIndex::has_mount() const { return layout_->has_mount.load(std::memory_order_acquire) != 0; }
MountRecord TakeoverIndex::mount() const { return layout_->mount; }
void TakeoverIndex::set_mount(const MountRecord& record) {
  layout_->mount = record;
  layout_->has_mount.store(1, std::memory_order_release);
}

std::uint32_t TakeoverIndex::restarts() const { return layout_->restarts.load(); }
void TakeoverIndex::count_restart() { layout_->restarts.fetch_add(1); }

std::uint64_t TakeoverIndex::new_handle_number() {
  return layout_->handles_made.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace headrace::vfs
