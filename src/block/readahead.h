// SPDX-License-Identifier: Apache-2.0
// What the reads of one handle say about those to come: in order, in strides, several threads in order at once, a small
// file that will be read whole, or at random. Pure: it sees offsets and answers with ranges worth bringing in.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace headrace::block {

struct ReadaheadOptions {
  std::uint64_t window_first = 1u << 20;      // what is asked for when reads begin to look sequential
  std::uint64_t window_max = 32u << 20;       // it doubles up to this
  std::uint64_t small_file_bytes = 4u << 20;  // a file of this length or less is wanted whole at its first read
};

/// [begin, end) of the file.
struct ByteRange {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t size() const { return end - begin; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// A few ranges, by value.
class ByteRanges {
 public:
  static constexpr std::size_t kMax = 8;
  /// Empty ranges, and those beyond kMax, are left out.
  void add(ByteRange range) {
    if (range.end > range.begin && count_ < kMax) ranges_[count_++] = range;
  }
  const ByteRange* begin() const { return ranges_.data(); }
  const ByteRange* end() const { return ranges_.data() + count_; }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }

 private:
  std::array<ByteRange, kMax> ranges_;
  std::size_t count_ = 0;
};

/// Not thread-safe: its owner holds the handle's lock. No allocation.
class Readahead {
 public:
  explicit Readahead(const ReadaheadOptions& options = {}) : options_(options) {}

  /// A read of `length` bytes from `offset` of a file of `file_length`: what to bring in now besides them. The same
  /// bytes are not asked for twice in a row, and none beyond the file's end.
  ByteRanges on_read(std::uint64_t offset, std::uint64_t length, std::uint64_t file_length);

 private:
  /// Reads in order: one reader of the handle.
  struct Stream {
    std::uint64_t next = 0;      // behind the furthest byte read
    std::uint64_t asked_to = 0;  // behind the furthest byte asked for
    std::uint64_t window = 0;    // 0: not sequential yet
    std::uint64_t used_at = 0;   // 0: free
  };
  static constexpr std::size_t kStreams = 4;

  Stream* find_stream(std::uint64_t offset, std::uint64_t length);
  Stream& begin_stream(std::uint64_t offset, std::uint64_t length);
  ByteRange advance(Stream& stream, std::uint64_t end, std::uint64_t file_length);
  void on_random_read();
  ByteRanges on_stride(std::uint64_t offset, std::uint64_t length, std::uint64_t file_length);

  const ReadaheadOptions options_;
  std::array<Stream, kStreams> streams_;
  std::uint64_t reads_ = 0;
  bool is_whole_asked_ = false;
  // The last reads that were in no stream.
  std::uint64_t last_offset_ = 0, last_length_ = 0;
  std::int64_t stride_ = 0;
  std::uint32_t strides_ = 0;        // how often the same stride was seen in a row
  std::uint32_t strides_asked_ = 0;  // how many of the reads to come were asked for already
};

}  // namespace headrace::block
