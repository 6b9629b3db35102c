// SPDX-License-Identifier: Apache-2.0
// The tables of exit statuses.
#include "cli/outcome.h"

#include <array>

namespace headrace::cli {
namespace {

constexpr std::array<ExitMeaning, 10> kMeanings{{
    {Exit::kOk, "done"},
    {Exit::kFailed, "failed"},
    {Exit::kUsage, "wrong usage: an unknown flag, a value that cannot be"},
    {Exit::kNotFound, "what was named is not there"},
    {Exit::kConflict, "refused by the state things are in: it exists, is busy, is not of this kind"},
    {Exit::kPermission, "not allowed, or credentials are missing or wrong"},
    {Exit::kUnreachable, "metadata engine, store or server cannot be reached"},
    {Exit::kTimedOut, "no answer in time"},
    {Exit::kDamaged, "data is damaged or missing"},
    {Exit::kInterrupted, "ended by Ctrl-C"},
}};

}  // namespace

std::span<const ExitMeaning> exit_meanings() { return kMeanings; }

Exit exit_of(Code code) {
  switch (code) {
    case Code::kInvalid: return Exit::kUsage;
    case Code::kNotFound: return Exit::kNotFound;
    case Code::kExists:
    case Code::kBusy:
    case Code::kNotEmpty:
    case Code::kReadOnly:
    case Code::kStale:
    case Code::kConflict:
    case Code::kVersion:
    case Code::kNotDirectory:
    case Code::kIsDirectory:
    case Code::kWouldBlock: return Exit::kConflict;
    case Code::kAccess:
    case Code::kNotPermitted:
    case Code::kUnauthorized: return Exit::kPermission;
    case Code::kTransient:
    case Code::kThrottled: return Exit::kUnreachable;
    case Code::kTimedOut: return Exit::kTimedOut;
    case Code::kDamaged: return Exit::kDamaged;
    case Code::kInterrupted: return Exit::kInterrupted;
    default: return Exit::kFailed;
  }
}

}  // namespace headrace::cli
