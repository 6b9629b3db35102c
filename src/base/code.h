// SPDX-License-Identifier: Apache-2.0
// The answers other than success that Headrace gives: one code for each errno that it promises, and one for each
// failure of the world that some caller treats differently. The table behind it is docs/semantics.md ("What an error
// means").
#pragma once

#include <string_view>

namespace headrace {

enum class Code : unsigned char {
  // What POSIX promises: each has exactly one errno.
  kNotPermitted,    // EPERM: an operation nobody, or not this caller, may do
  kNotFound,        // ENOENT
  kInterrupted,     // EINTR: the caller gave up (FUSE interrupt, cancelled scope)
  kIo,              // EIO: bytes cannot be had or do not check
  kBadHandle,       // EBADF
  kWouldBlock,      // EAGAIN: a lock is held by another owner
  kNoMemory,        // ENOMEM
  kAccess,          // EACCES
  kBusy,            // EBUSY
  kExists,          // EEXIST
  kCrossDevice,     // EXDEV
  kNotDirectory,    // ENOTDIR
  kIsDirectory,     // EISDIR
  kInvalid,         // EINVAL
  kFileTooBig,      // EFBIG
  kNoSpace,         // ENOSPC
  kReadOnly,        // EROFS
  kTooManyLinks,    // EMLINK
  kRange,           // ERANGE
  kDeadlock,        // EDEADLK
  kNameTooLong,     // ENAMETOOLONG
  kNotEmpty,        // ENOTEMPTY
  kLoop,            // ELOOP
  kNoData,          // ENODATA: no such extended attribute
  kOverflow,        // EOVERFLOW
  kNotSupported,    // EOPNOTSUPP
  kNotImplemented,  // ENOSYS: the kernel shall not ask again
  kNoDevice,        // ENXIO: SEEK_DATA beyond the end
  kStale,           // ESTALE: what this handle or node named has changed
  kQuota,           // EDQUOT
  kTooBig,          // E2BIG
  kNoTty,           // ENOTTY: an ioctl that does not exist here
  // What the world does: told apart because retrying helps or does not. At the POSIX face all are EIO but kTimedOut's
  // kin.
  kTransient,       // connection reset, 500: trying again may help
  kThrottled,       // the other side asks for less: try again, slower
  kTimedOut,        // no answer before the deadline; the outcome is unknown
  kUnknownOutcome,  // a commit was sent and its answer lost
  kConflict,        // another transaction came first: run again
  kDamaged,         // a checksum, length or record does not hold: never try the same copy again
  kUnauthorized,    // credentials missing or refused
  kVersion,         // a format this program does not speak
};

/// How many codes there are; tables are checked against it.
inline constexpr int kCodeCount = static_cast<int>(Code::kVersion) + 1;

/// The errno that the application sees. Thread-safe, pure.
int errno_of(Code code);

/// The code of an errno a system call gave. What has no code of its own becomes kIo.
Code code_of_errno(int error);

/// A short name for logs and metrics, such as "not_found".
std::string_view name_of(Code code);

/// What a person reads when nothing more exact is known, such as "no such file or directory".
std::string_view text_of(Code code);

/// Whether the retrying wrapper may try again after this code.
bool is_retryable(Code code);

}  // namespace headrace
