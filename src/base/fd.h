// SPDX-License-Identifier: Apache-2.0
// A file descriptor with one owner, and whole reads and writes through it.
#pragma once

#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace headrace {

/// Closes what it holds. -1 holds nothing.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  /// Gives the descriptor away, unclosed.
  int release() { return std::exchange(fd_, -1); }
  /// Closes what it holds and takes another. errno stays as it is.
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// Writes all of it (write(2) until done). The error names no path: the caller adds it. A descriptor that does not
/// block and has no room is kWouldBlock, with a part written.
Result<void> write_all(int fd, ByteSpan bytes);
Result<void> pwrite_all(int fd, ByteSpan bytes, std::uint64_t offset);
/// Reads until the span is full or the file ends; returns how much was read.
Result<std::size_t> pread_full(int fd, MutableByteSpan bytes, std::uint64_t offset);

}  // namespace headrace
