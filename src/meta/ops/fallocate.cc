// SPDX-License-Identifier: Apache-2.0
// fallocate: a longer file, a hole, or zeros. Nothing is reserved: space follows the length.
#include <algorithm>

#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/permission.h"

namespace headrace::meta::ops {
namespace {

// kNotSupported: a mode that is not one of these; kInvalid: a hole that would change the length.
Result<void> check_mode(int mode) {
  if ((mode & ~(kFallocateKeepSize | kFallocatePunchHole | kFallocateZeroRange)) != 0) return Code::kNotSupported;
  const bool punches = (mode & kFallocatePunchHole) != 0;
  if (punches && (mode & kFallocateZeroRange) != 0) return Code::kNotSupported;
  if (punches && (mode & kFallocateKeepSize) == 0) return Code::kNotSupported;
  return {};
}

}  // namespace

Result<Attr> fallocate(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino ino,
                       const FallocateRange& range) {
  TRY_OK(check_mode(range.mode));
  if (range.length == 0) return Code::kInvalid;
  if (range.offset > kFileBytesMax || range.length > kFileBytesMax - range.offset) return Code::kFileTooBig;
  TRY(Attr attr, load_regular_file(txn, ino));
  TRY_OK(check_not_in_trash(context, ino, attr));
  if ((attr.flags & kFlagImmutable) != 0) return Code::kNotPermitted;
  const bool zeroes = (range.mode & (kFallocatePunchHole | kFallocateZeroRange)) != 0;
  if (zeroes && (attr.flags & kFlagAppend) != 0) return Code::kNotPermitted;

  const std::uint64_t end = range.offset + range.length;
  if (zeroes) TRY_OK(append_holes(txn, ino, range.offset, std::min(end, attr.length)));
  if ((range.mode & kFallocateKeepSize) == 0 && end > attr.length) {
    TRY_OK(account_length(txn, context, ino, attr, attr.length, end));
    attr.length = end;
  }
  attr.mode = mode_after_write(caller, attr);
  attr.mtime = attr.ctime = context.now;
  put(txn, InodeKey{ino}, attr);
  return attr;
}

}  // namespace headrace::meta::ops
