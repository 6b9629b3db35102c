// SPDX-License-Identifier: Apache-2.0
// mmap, kept in lists.
#include "block/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace headrace::block {
namespace {

constexpr std::size_t kHugePage = 2u << 20;

std::byte* map(std::size_t bytes) {
  // Aligned, so that huge pages fit: mapped with room to spare, the rest cut off.
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 4096;
  void* mapped = ::mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const start = static_cast<std::byte*>(mapped);
  const std::size_t before = (alignment - reinterpret_cast<std::uintptr_t>(start) % alignment) % alignment;
  if (before > 0) ::munmap(start, before);
  std::byte* const data = start + before;
  if (alignment > before) ::munmap(data + bytes, alignment - before);
  if (bytes >= kHugePage)
    ::madvise(data, bytes, MADV_HUGEPAGE);  // where there are none it says no, and nothing is lost
  return data;
}

std::size_t whole_pages(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

}  // namespace

struct Buffer::Grant {
  Mutex mutex;
  Reservation reservation GUARDED_BY(mutex);
};

Buffer::Buffer(BufferPool& pool, std::size_t size_class, std::byte* data, std::size_t capacity,
               std::shared_ptr<Grant> grant)
    : pool_(&pool), size_class_(size_class), data_(data), capacity_(capacity), grant_(std::move(grant)) {}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(size_class_, other.size_class_);
  std::swap(data_, other.data_);
  std::swap(capacity_, other.capacity_);
  std::swap(grant_, other.grant_);
}

void Buffer::release() {
  if (pool_ == nullptr) return;
  std::exchange(pool_, nullptr)->take_back(size_class_, data_);
  {
    MutexLock lock(grant_->mutex);
    grant_->reservation.shrink_to(grant_->reservation.bytes() - capacity_);
  }
  grant_.reset();
  data_ = nullptr;
  capacity_ = 0;
}

BufferPool::BufferPool(Budget& budget, std::size_t block_bytes)
    : budget_(budget),
      sizes_{std::min<std::size_t>(64u << 10, whole_pages(block_bytes)),
             std::min<std::size_t>(512u << 10, whole_pages(block_bytes)), whole_pages(block_bytes)} {}

BufferPool::~BufferPool() {
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < kClasses; ++i) {
    CHECK(classes_[i].in_use == 0);
    for (std::byte* data : classes_[i].idle) ::munmap(data, sizes_[i]);
  }
}

std::size_t BufferPool::class_for(std::size_t bytes) const {
  CHECK(bytes <= sizes_.back());
  std::size_t size_class = 0;
  while (sizes_[size_class] < bytes) ++size_class;
  return size_class;
}

Result<Buffer> BufferPool::make(std::size_t size_class, std::shared_ptr<Buffer::Grant> grant) {
  std::byte* data = nullptr;
  {
    MutexLock lock(mutex_);
    SizeClass& all = classes_[size_class];
    all.in_use += 1;
    if (!all.idle.empty()) {
      data = all.idle.back();
      all.idle.pop_back();
    }
  }
  if (data == nullptr) data = map(sizes_[size_class]);
  if (data != nullptr) return Buffer(*this, size_class, data, sizes_[size_class], std::move(grant));
  MutexLock lock(mutex_);
  classes_[size_class].in_use -= 1;
  return Error(Code::kNoMemory, "the system gives no memory for a block");
}

Result<Buffer> BufferPool::take(const Scope& scope, std::size_t bytes) {
  TRY(std::vector<Buffer> one, take_all(scope, std::span(&bytes, 1)));
  return std::move(one.front());
}

Result<std::vector<Buffer>> BufferPool::take_all(const Scope& scope, std::span<const std::size_t> sizes) {
  std::uint64_t total = 0;
  for (const std::size_t bytes : sizes) total += capacity_for(bytes);
  const auto grant = std::make_shared<Buffer::Grant>();
  TRY(Reservation reservation, budget_.take(scope, total));
  {
    MutexLock lock(grant->mutex);
    grant->reservation = std::move(reservation);
  }
  std::vector<Buffer> buffers;
  for (const std::size_t bytes : sizes) {
    TRY(Buffer buffer, make(class_for(bytes), grant));
    buffers.push_back(std::move(buffer));
  }
  return buffers;
}

Buffer BufferPool::try_take(std::size_t bytes) {
  const std::size_t size_class = class_for(bytes);
  Reservation reservation = budget_.try_take(sizes_[size_class]);
  if (reservation.bytes() == 0) return {};
  const auto grant = std::make_shared<Buffer::Grant>();
  {
    MutexLock lock(grant->mutex);
    grant->reservation = std::move(reservation);
  }
  Result<Buffer> buffer = make(size_class, grant);
  return buffer ? std::move(*buffer) : Buffer();
}

std::size_t BufferPool::idle_max(std::size_t size_class) const {
  // As many as are in use: a busy pool needs no system calls. But not so many that the process outgrows its budget by
  // them.
  const std::size_t share = budget_.bytes_max() / 16 / sizes_[size_class];
  return std::clamp(classes_[size_class].in_use, std::size_t{2}, std::max<std::size_t>(2, share));
}

void BufferPool::take_back(std::size_t size_class, std::byte* data) {
  std::vector<std::byte*> surplus;
  {
    MutexLock lock(mutex_);
    SizeClass& all = classes_[size_class];
    all.in_use -= 1;
    all.idle.push_back(data);
    while (all.idle.size() > idle_max(size_class)) {
      surplus.push_back(all.idle.front());  // the coldest
      all.idle.erase(all.idle.begin());
    }
  }
  for (std::byte* one : surplus) ::munmap(one, sizes_[size_class]);
}

std::uint64_t BufferPool::used_bytes() const {
  MutexLock lock(mutex_);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < kClasses; ++i) bytes += classes_[i].in_use * sizes_[i];
  return bytes;
}

std::uint64_t BufferPool::idle_bytes() const {
  MutexLock lock(mutex_);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < kClasses; ++i) bytes += classes_[i].idle.size() * sizes_[i];
  return bytes;
}

}  // namespace headrace::block
