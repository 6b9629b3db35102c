// SPDX-License-Identifier: Apache-2.0
// One descriptor: the request is written, answers are read behind it.
#include "cli/control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/bytes.h"

namespace headrace::cli {
namespace {

constexpr unsigned char kProgressMark = 0xFE, kJsonMark = 0xFF;
constexpr std::size_t kProgressBytes = 17;
constexpr std::size_t kAnswerBytesMax = 256u << 20;

}  // namespace

std::string control_request(ControlCommand command, std::string_view body) {
  std::string out;
  append_big_endian(out, static_cast<std::uint32_t>(command));
  append_big_endian(out, static_cast<std::uint32_t>(body.size()));
  return out.append(body);
}

std::optional<Result<std::string>> AnswerReader::feed(std::string_view bytes, Progress progress) {
  pending_.append(bytes);
  while (!pending_.empty()) {
    const auto mark = static_cast<unsigned char>(pending_.front());
    if (mark == kProgressMark) {
      if (pending_.size() < kProgressBytes) return std::nullopt;
      progress(load_big_endian<std::uint64_t>(pending_.data() + 1),
               load_big_endian<std::uint64_t>(pending_.data() + 9));
      pending_.erase(0, kProgressBytes);
      continue;
    }
    if (mark != kJsonMark) {
      if (mark == 0) return Result<std::string>(std::string());
      if (mark == EINVAL)
        return Result<std::string>(Error(Code::kNotSupported, "the server of this mount does not know this command"));
      return Result<std::string>(errno_error(mark, "the server of this mount"));
    }
    if (pending_.size() < 5) return std::nullopt;
    const auto length = load_big_endian<std::uint32_t>(pending_.data() + 1);
    if (length > kAnswerBytesMax) return Result<std::string>(Error(Code::kDamaged, "an answer of more than 256 MiB"));
    if (pending_.size() < 5 + std::size_t{length}) return std::nullopt;
    return Result<std::string>(pending_.substr(5, length));
  }
  return std::nullopt;
}

Result<ControlClient> ControlClient::open(const std::string& directory) {
  int error = ENOENT;
  for (const char* const name : {"/.jfs.control", "/.control"}) {
    UniqueFd fd(::open((directory + name).c_str(), O_RDWR | O_CLOEXEC));
    if (fd.is_open()) return ControlClient(std::move(fd));
    error = errno;
    if (error != ENOENT) return errno_error(error, directory + name);
  }
  return Error(Code::kNotSupported, fmt::format("{} is not on a mounted volume: it has no control file", directory));
}

Result<std::string> ControlClient::call(const Scope& scope, Scheduler& scheduler, ControlCommand command,
                                        std::string_view body, AnswerReader::Progress progress) {
  TRY_OK(write_all(fd_.get(), bytes_of(control_request(command, body))));
  AnswerReader reader;
  std::string part(65536, '\0');
  Duration wait = std::chrono::milliseconds(1);
  for (;;) {
    const ssize_t got = read(fd_.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(errno, "reading the answer of the mount's server");
    if (got == 0) {
      TRY_OK(pause(scheduler, scope, wait));
      wait = std::min<Duration>(wait * 2, std::chrono::milliseconds(100));
      continue;
    }
    wait = std::chrono::milliseconds(1);
    auto answer = reader.feed(std::string_view(part).substr(0, static_cast<std::size_t>(got)), progress);
    if (answer) return *std::move(answer);
  }
}

}  // namespace headrace::cli
