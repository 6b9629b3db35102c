// SPDX-License-Identifier: Apache-2.0
// One thread's memory: a request is read into it and its reply's bytes are made in it. The kernel's memory until it is
// touched, and given back when the thread has nothing to do for a while.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "fuse/abi.h"

namespace headrace::fuse {

class WorkBuffer {
 public:
  /// kNoMemory.
  static Result<std::unique_ptr<WorkBuffer>> make();
  ~WorkBuffer();
  WorkBuffer(const WorkBuffer&) = delete;
  WorkBuffer& operator=(const WorkBuffer&) = delete;

  /// Where a request is read to: placed so that the data of a WRITE begin at a page.
  MutableByteSpan request_room() const { return {base_ + kRequestAt, kBytes - kRequestAt}; }
  /// Room for the data of a reply, page-aligned. It overlaps a request only where a WRITE has its data.
  MutableByteSpan reply_room() const { return {base_ + kReplyAt, kDataBytesMax}; }

  /// To be told how much a request used, so that it knows whether there is anything to give back.
  void touched(std::size_t bytes) {
    touched_ = std::max(touched_, bytes);
    small_in_a_row_ = bytes > kKeptBytes ? 0 : small_in_a_row_ + 1;
  }
  /// After many small requests: the memory of a large one is better given back between two of them than watched over,
  /// since who has something to give back waits for the device with two calls instead of one.
  bool was_large_long_ago() const { return is_worth_giving_back() && small_in_a_row_ >= kSmallInARow; }
  bool is_worth_giving_back() const { return touched_ > kKeptBytes; }
  /// Gives the memory back but for its first pages. Nothing in it is needed any more.
  void give_back();

 private:
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kRequestAt = kPage - sizeof(fuse_in_header) - sizeof(fuse_write_in);
  static constexpr std::size_t kReplyAt = 2 * kPage;
  static constexpr std::size_t kBytes = kDataBytesMax + 16384;
  static constexpr std::size_t kKeptBytes = 32768;
  static constexpr std::size_t kSmallInARow = 256;
  static_assert(kBytes - kRequestAt >= kDataBytesMax + sizeof(fuse_in_header) + sizeof(fuse_write_in));
  static_assert(kReplyAt + kDataBytesMax <= kBytes);

  explicit WorkBuffer(std::byte* base) : base_(base) {}
  std::byte* const base_;
  std::size_t touched_ = 0, small_in_a_row_ = 0;
};

}  // namespace headrace::fuse
