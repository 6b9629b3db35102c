// SPDX-License-Identifier: Apache-2.0
// The one table of codes.
#include "base/code.h"

#include <array>
#include <cerrno>

namespace headrace {
namespace {

struct Row {
  Code code;
  int error;
  std::string_view name;
  std::string_view text;
};

constexpr std::array<Row, kCodeCount> kTable{{
    {Code::kNotPermitted, EPERM, "not_permitted", "operation not permitted"},
    {Code::kNotFound, ENOENT, "not_found", "no such file or directory"},
    {Code::kInterrupted, EINTR, "interrupted", "interrupted"},
    {Code::kIo, EIO, "io", "input/output error"},
    {Code::kBadHandle, EBADF, "bad_handle", "bad file handle"},
    {Code::kWouldBlock, EAGAIN, "would_block", "held by another owner"},
    {Code::kNoMemory, ENOMEM, "no_memory", "out of memory"},
    {Code::kAccess, EACCES, "access", "permission denied"},
    {Code::kBusy, EBUSY, "busy", "busy"},
    {Code::kExists, EEXIST, "exists", "already exists"},
    {Code::kCrossDevice, EXDEV, "cross_device", "on another file system"},
    {Code::kNotDirectory, ENOTDIR, "not_directory", "not a directory"},
    {Code::kIsDirectory, EISDIR, "is_directory", "is a directory"},
    {Code::kInvalid, EINVAL, "invalid", "invalid argument"},
    {Code::kFileTooBig, EFBIG, "file_too_big", "file too large"},
    {Code::kNoSpace, ENOSPC, "no_space", "no space left"},
    {Code::kReadOnly, EROFS, "read_only", "read-only"},
    {Code::kTooManyLinks, EMLINK, "too_many_links", "too many links"},
    {Code::kRange, ERANGE, "range", "out of range"},
    {Code::kDeadlock, EDEADLK, "deadlock", "would deadlock"},
    {Code::kNameTooLong, ENAMETOOLONG, "name_too_long", "name too long"},
    {Code::kNotEmpty, ENOTEMPTY, "not_empty", "directory not empty"},
    {Code::kLoop, ELOOP, "loop", "too many symbolic links"},
    {Code::kNoData, ENODATA, "no_data", "no such attribute"},
    {Code::kOverflow, EOVERFLOW, "overflow", "value too large"},
    {Code::kNotSupported, EOPNOTSUPP, "not_supported", "not supported"},
    {Code::kNotImplemented, ENOSYS, "not_implemented", "not implemented"},
    {Code::kNoDevice, ENXIO, "no_device", "no data there"},
    {Code::kStale, ESTALE, "stale", "stale file handle"},
    {Code::kQuota, EDQUOT, "quota", "quota exceeded"},
    {Code::kTooBig, E2BIG, "too_big", "too big"},
    {Code::kNoTty, ENOTTY, "no_tty", "no such ioctl"},
    {Code::kTransient, EIO, "transient", "temporary failure"},
    {Code::kThrottled, EIO, "throttled", "throttled"},
    {Code::kTimedOut, EIO, "timed_out", "no answer in time"},
    {Code::kUnknownOutcome, EIO, "unknown_outcome", "outcome unknown"},
    {Code::kConflict, EIO, "conflict", "conflicting change"},
    {Code::kDamaged, EIO, "damaged", "damaged data"},
    {Code::kUnauthorized, EACCES, "unauthorized", "not authorized"},
    {Code::kVersion, EIO, "version", "unsupported version"},
}};

constexpr bool table_is_in_order() {
  for (int i = 0; i < kCodeCount; ++i) {
    if (static_cast<int>(kTable[static_cast<std::size_t>(i)].code) != i) return false;
  }
  return true;
}
static_assert(table_is_in_order(), "one row a code, in the order of the enum");

const Row& row_of(Code code) { return kTable[static_cast<std::size_t>(code)]; }

}  // namespace

int errno_of(Code code) { return row_of(code).error; }
std::string_view name_of(Code code) { return row_of(code).name; }
std::string_view text_of(Code code) { return row_of(code).text; }

Code code_of_errno(int error) {
  for (const Row& row : kTable) {
    if (row.error == error) return row.code;  // the first row of an errno is the POSIX one
  }
  return Code::kIo;
}

bool is_retryable(Code code) {
  switch (code) {
    case Code::kTransient:
    case Code::kThrottled:
    case Code::kTimedOut:
    case Code::kConflict: return true;
    default: return false;
  }
}

}  // namespace headrace
