// SPDX-License-Identifier: Apache-2.0
// zlib, with its states behind pointers.
#include "cli/gzip.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/fd.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kBufferBytes = 128 << 10;
constexpr int kGzipBits = 15 + 16;  // zlib's way to say: gzip, the largest window
constexpr std::size_t kHeaderBytes = 10;
constexpr unsigned char kHasComment = 0x10;

}  // namespace

struct GzipWriter::State {
  int fd = -1;
  std::string comment;
  z_stream stream = {};
  gz_header header = {};
  std::vector<unsigned char> out = std::vector<unsigned char>(kBufferBytes);

  Result<void> deflate_all(int flush) {
    int code = Z_OK;
    do {
      stream.next_out = out.data();
      stream.avail_out = static_cast<uInt>(out.size());
      code = ::deflate(&stream, flush);
      CHECK(code != Z_STREAM_ERROR);
      TRY_OK(write_all(fd, std::as_bytes(std::span(out).first(out.size() - stream.avail_out))));
    } while (stream.avail_out == 0);
    return {};
  }
};

GzipWriter::GzipWriter(int fd, std::string_view comment) : state_(std::make_unique<State>()) {
  state_->fd = fd;
  state_->comment = comment;
  CHECK(::deflateInit2(&state_->stream, 1, Z_DEFLATED, kGzipBits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  if (comment.empty()) return;
  state_->header.os = 255;
  state_->header.comment = reinterpret_cast<Bytef*>(state_->comment.data());
  CHECK(::deflateSetHeader(&state_->stream, &state_->header) == Z_OK);
}

GzipWriter::~GzipWriter() { ::deflateEnd(&state_->stream); }

Result<void> GzipWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, 1 << 30);
    state_->stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    state_->stream.avail_in = static_cast<uInt>(piece.size());
    TRY_OK(state_->deflate_all(Z_NO_FLUSH));
    bytes.remove_prefix(piece.size());
  }
  return {};
}

Result<void> GzipWriter::finish() { return state_->deflate_all(Z_FINISH); }

Result<void> GzipWriter::replace_comment(std::string_view comment) {
  CHECK(comment.size() == state_->comment.size());
  return pwrite_all(state_->fd, bytes_of(comment), kHeaderBytes);
}

std::string gzip_comment(std::string_view head) {
  // Only headers as GzipWriter makes them: a comment, and nothing else before the data.
  if (head.size() < kHeaderBytes || head[0] != '\x1F' || head[1] != '\x8B' ||
      static_cast<unsigned char>(head[3]) != kHasComment)
    return {};
  const std::size_t end = head.find('\0', kHeaderBytes);
  return end == std::string_view::npos ? std::string() : std::string(head.substr(kHeaderBytes, end - kHeaderBytes));
}

struct GunzipBuffer::State {
  z_stream stream = {};
  std::vector<unsigned char> in = std::vector<unsigned char>(kBufferBytes),
                             out = std::vector<unsigned char>(kBufferBytes);
  bool has_begun = false, is_gzip = false, is_inside = false, is_at_end = false;
};

GunzipBuffer::GunzipBuffer(int fd) : fd_(fd), state_(std::make_unique<State>()) {
  CHECK(::inflateInit2(&state_->stream, kGzipBits) == Z_OK);
}
GunzipBuffer::~GunzipBuffer() { ::inflateEnd(&state_->stream); }

/// More of the file behind what is not used yet. False: there is no more.
Result<bool> GunzipBuffer::refill() {
  State& state = *state_;
  std::copy(state.stream.next_in, state.stream.next_in + state.stream.avail_in, state.in.begin());
  const std::size_t kept = state.stream.avail_in;
  ssize_t got = 0;
  do got = ::read(fd_, state.in.data() + kept, state.in.size() - kept);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno_error(errno, "read");
  state.stream.next_in = state.in.data();
  state.stream.avail_in = static_cast<uInt>(kept + static_cast<std::size_t>(got));
  return got > 0;
}

/// The next bytes, in `out`; 0: the end.
Result<std::size_t> GunzipBuffer::next() {
  State& state = *state_;
  if (!state.has_begun) {
    state.has_begun = true;
    while (state.stream.avail_in < 2) {
      TRY(const bool has_more, refill());
      if (!has_more) break;
    }
    state.is_gzip = state.stream.avail_in >= 2 && state.in[0] == 0x1F && state.in[1] == 0x8B;
  }
  while (true) {
    if (state.stream.avail_in == 0 && !state.is_at_end) {
      TRY(const bool has_more, refill());
      state.is_at_end = !has_more;
    }
    if (state.stream.avail_in == 0 && (!state.is_inside || !state.is_gzip)) return 0;
    if (state.stream.avail_in == 0) return Error(Code::kDamaged, "the compressed file ends too early");
    if (!state.is_gzip) {
      const std::size_t length = state.stream.avail_in;
      std::copy(state.stream.next_in, state.stream.next_in + length, state.out.begin());
      state.stream.avail_in = 0;
      return length;
    }
    state.is_inside = true;
    state.stream.next_out = state.out.data();
    state.stream.avail_out = static_cast<uInt>(state.out.size());
    const int code = ::inflate(&state.stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      return Error(Code::kDamaged, "the compressed file is damaged");
    if (code == Z_STREAM_END) {  // another one may follow
      state.is_inside = false;
      ::inflateReset(&state.stream);
    }
    const std::size_t length = state.out.size() - state.stream.avail_out;
    if (length > 0) return length;
  }
}

GunzipBuffer::int_type GunzipBuffer::underflow() {
  if (!outcome_) return traits_type::eof();
  const Result<std::size_t> got = next();
  if (!got) outcome_ = got.error();
  if (!got || *got == 0) return traits_type::eof();
  char* const begin = reinterpret_cast<char*>(state_->out.data());
  setg(begin, begin, begin + *got);
  return traits_type::to_int_type(*begin);
}

}  // namespace headrace::cli
