// SPDX-License-Identifier: Apache-2.0
// Memory for blocks on their way: buffers in three sizes (64 KiB, 512 KiB, a whole block), each paid for out of the
// process's budget. Buffers are used again; what lies idle is given back to the system as the number in use falls.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/budget.h"
#include "base/bytes.h"
#include "base/mutex.h"
#include "base/result.h"

namespace headrace::block {

class BufferPool;

/// Memory that one owner holds. Movable. Its bytes are undefined at first. Not thread-safe, but may end on any thread.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~Buffer() { release(); }

  bool is_empty() const { return pool_ == nullptr; }
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }
  MutableByteSpan span(std::size_t size) { return {data_, size}; }
  ByteSpan span(std::size_t size) const { return {data_, size}; }
  void release();

 private:
  friend class BufferPool;
  /// Bytes taken together and given back one buffer at a time.
  struct Grant;
  Buffer(BufferPool& pool, std::size_t size_class, std::byte* data, std::size_t capacity, std::shared_ptr<Grant> grant);
  void swap(Buffer& other) noexcept;

  BufferPool* pool_ = nullptr;
  std::size_t size_class_ = 0;
  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::shared_ptr<Grant> grant_;
};

/// Thread-safe. Outlives its buffers; `budget` outlives it.
class BufferPool {
 public:
  BufferPool(Budget& budget, std::size_t block_bytes);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A buffer of at least `bytes` (1 … block_bytes). Waits for the budget as Budget::take. kNoMemory: the system gives
  /// none.
  Result<Buffer> take(const Scope& scope, std::size_t bytes);
  /// Several, all or none, without holding some while it waits for others.
  Result<std::vector<Buffer>> take_all(const Scope& scope, std::span<const std::size_t> sizes);
  /// Now, or an empty one.
  Buffer try_take(std::size_t bytes);

  /// The size that a request for `bytes` gets.
  std::size_t capacity_for(std::size_t bytes) const { return sizes_[class_for(bytes)]; }
  std::uint64_t used_bytes() const;
  /// Not in use, and not given back to the system.
  std::uint64_t idle_bytes() const;

 private:
  friend class Buffer;
  static constexpr std::size_t kClasses = 3;
  struct SizeClass {
    std::vector<std::byte*> idle;
    std::size_t in_use = 0;
  };

  std::size_t class_for(std::size_t bytes) const;
  Result<Buffer> make(std::size_t size_class, std::shared_ptr<Buffer::Grant> grant);
  void take_back(std::size_t size_class, std::byte* data);
  std::size_t idle_max(std::size_t size_class) const REQUIRES(mutex_);

  Budget& budget_;
  const std::array<std::size_t, kClasses> sizes_;
  mutable Mutex mutex_;
  std::array<SizeClass, kClasses> classes_ GUARDED_BY(mutex_);
};

}  // namespace headrace::block
