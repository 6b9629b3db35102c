// SPDX-License-Identifier: Apache-2.0
// Gzip files (RFC 1952), written and read as a stream: memory does not grow with them.
#pragma once

#include <array>
#include <memory>
#include <streambuf>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headrace::cli {

/// Compresses into a descriptor, from where it stands on. Not thread-safe. Level 1: metadata is large and wanted soon.
class GzipWriter {
 public:
  /// `comment`: text that stands in the file's header, without NUL; empty: none. It may be replaced while the file
  /// stands at its begin.
  explicit GzipWriter(int fd, std::string_view comment = {});
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  Result<void> write(std::string_view bytes);
  /// Writes what is left. Once; without it the file is cut.
  Result<void> finish();
  /// Puts another comment of the same length in place of the first, in a file that began at offset 0.
  Result<void> replace_comment(std::string_view comment);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The comment in the header of a gzip file that begins with these bytes; empty: none, or not all of it is there.
std::string gzip_comment(std::string_view head);

/// What a file holds, uncompressed when it begins as gzip does, else as it is. For a std::istream. A file that is
/// damaged or cut just ends; outcome() then says so.
class GunzipBuffer final : public std::streambuf {
 public:
  /// The descriptor stays the caller's.
  explicit GunzipBuffer(int fd);
  ~GunzipBuffer() override;
  GunzipBuffer(const GunzipBuffer&) = delete;
  GunzipBuffer& operator=(const GunzipBuffer&) = delete;

  /// kDamaged: no whole gzip file; what reading the file said.
  Result<void> outcome() const { return outcome_; }

 protected:
  int_type underflow() override;

 private:
  struct State;
  Result<std::size_t> next();
  Result<bool> refill();

  const int fd_;
  std::unique_ptr<State> state_;
  Result<void> outcome_;
};

}  // namespace headrace::cli
