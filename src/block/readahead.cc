// SPDX-License-Identifier: Apache-2.0
// Streams first, strides second; all else is random and makes the windows smaller.
#include "block/readahead.h"

#include <algorithm>

namespace headrace::block {
namespace {

// Reads of one stream may come a little out of order, when the kernel or a library issues several at a time.
constexpr std::uint64_t kDisorderBytes = 1u << 20;
// So many equal strides in a row are no accident.
constexpr std::uint32_t kStridesMin = 2;

}  // namespace

ByteRanges Readahead::on_read(std::uint64_t offset, std::uint64_t length, std::uint64_t file_length) {
  ByteRanges wanted;
  if (length == 0 || offset >= file_length) return wanted;
  length = std::min(length, file_length - offset);
  ++reads_;
  if (file_length <= options_.small_file_bytes) {
    const bool is_first = !is_whole_asked_;
    is_whole_asked_ = true;
    if (is_first && length < file_length) wanted.add({0, file_length});
    return wanted;
  }
  if (Stream* stream = find_stream(offset, length)) {
    if (stream->window == 0) stream->window = options_.window_first;
    wanted.add(advance(*stream, offset + length, file_length));
    return wanted;
  }
  wanted = on_stride(offset, length, file_length);
  if (wanted.empty() && strides_ < kStridesMin) on_random_read();
  if (strides_ >= kStridesMin) return wanted;
  Stream& stream = begin_stream(offset, length);
  if (offset == 0) {  // who begins at the beginning mostly goes on
    stream.window = options_.window_first;
    wanted.add(advance(stream, length, file_length));
  }
  return wanted;
}

Readahead::Stream* Readahead::find_stream(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t slack = std::min(kDisorderBytes, 4 * length);
  for (Stream& stream : streams_) {
    if (stream.used_at == 0) continue;
    if (offset + slack < stream.next || offset > stream.next + slack) continue;
    // Going on at its end, or shortly around it once it is known to be sequential.
    if (stream.window == 0 && offset != stream.next) continue;
    stream.used_at = reads_;
    return &stream;
  }
  return nullptr;
}

Readahead::Stream& Readahead::begin_stream(std::uint64_t offset, std::uint64_t length) {
  Stream& oldest = *std::ranges::min_element(streams_, {}, &Stream::used_at);
  oldest = {offset + length, offset + length, 0, reads_};
  return oldest;
}

ByteRange Readahead::advance(Stream& stream, std::uint64_t end, std::uint64_t file_length) {
  stream.next = std::max(stream.next, end);
  stream.asked_to = std::max(stream.asked_to, stream.next);
  // Half a window ahead is enough; then the next one is asked for, twice as large.
  if (stream.asked_to - stream.next >= stream.window / 2 || stream.asked_to >= file_length) return {};
  const ByteRange range{stream.asked_to, std::min(stream.next + stream.window, file_length)};
  stream.asked_to = range.end;
  stream.window = std::min(stream.window * 2, options_.window_max);
  return range;
}

void Readahead::on_random_read() {
  for (Stream& stream : streams_) {
    if (stream.window > 0) stream.window = std::max(stream.window / 2, options_.window_first);
  }
}

ByteRanges Readahead::on_stride(std::uint64_t offset, std::uint64_t length, std::uint64_t file_length) {
  const auto stride = static_cast<std::int64_t>(offset - last_offset_);
  const bool is_same = reads_ > 1 && stride == stride_ && stride != 0 && length == last_length_;
  strides_ = is_same ? strides_ + 1 : 0;
  if (!is_same) strides_asked_ = 0;
  stride_ = stride;
  last_offset_ = offset;
  last_length_ = length;
  ByteRanges wanted;
  if (strides_ < kStridesMin) return wanted;
  if (strides_asked_ > 0) --strides_asked_;  // this read was one of them
  const std::uint32_t ahead = std::min<std::uint32_t>(strides_, ByteRanges::kMax);
  while (strides_asked_ < ahead) {
    ++strides_asked_;
    const std::int64_t at = static_cast<std::int64_t>(offset) + stride * static_cast<std::int64_t>(strides_asked_);
    if (at < 0 || static_cast<std::uint64_t>(at) >= file_length) break;
    const auto begin = static_cast<std::uint64_t>(at);
    wanted.add({begin, begin + std::min(length, file_length - begin)});
  }
  return wanted;
}

}  // namespace headrace::block
