// SPDX-License-Identifier: Apache-2.0
// Asking a mount's server through its `.control` file, with JuiceFS's own protocol (juicefs-volume-format,
// section 8.2): so these commands work on mounts of either program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/event.h"
#include "base/fd.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "base/scope.h"

namespace headrace::cli {

enum class ControlCommand : std::uint32_t { kFillCache = 1004, kInfo = 1005, kSummary = 1007 };

/// The request as it is written: command, length, body.
std::string control_request(ControlCommand command, std::string_view body);

/// Takes the answer apart as it comes: frames of progress, then one byte of errno, or JSON.
class AnswerReader {
 public:
  using Progress = FunctionRef<void(std::uint64_t, std::uint64_t)>;
  /// The whole answer once it is there: JSON, or nothing where the server only says "done". The errno as its code;
  /// kNotSupported: the server does not know the command. kDamaged: bytes that are no answer.
  std::optional<Result<std::string>> feed(std::string_view bytes, Progress progress);

 private:
  std::string pending_;
};

class ControlClient {
 public:
  /// `directory` lies on the mount. Looks for `.jfs.control`, then `.control`. kNotSupported: neither is there.
  static Result<ControlClient> open(const std::string& directory);

  /// Asks once. A client is for one question. kTimedOut, kInterrupted: the scope ended first; the server may go on.
  Result<std::string> call(const Scope& scope, Scheduler& scheduler, ControlCommand command, std::string_view body,
                           AnswerReader::Progress progress);

 private:
  explicit ControlClient(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace headrace::cli
