// SPDX-License-Identifier: Apache-2.0
// truncate: a new length. What lies between the old and the new one is hidden by hole records, growing as shrinking, so
// that old bytes never show again (format sheet, section 3.9).
#include <algorithm>

#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"
#include "meta/ops/permission.h"

namespace headrace::meta::ops {
namespace {

constexpr std::size_t kListsAtOnce = 256;

Result<void> append_hole(RecordTxn& txn, Ino ino, ChunkIndex chunk, std::uint64_t from, std::uint64_t to) {
  TRY_OK(check_room_in_list(txn, ino, chunk, 1));
  const Slice hole{static_cast<std::uint32_t>(from - start_of(chunk)), SliceId{0}, 0, 0,
                   static_cast<std::uint32_t>(to - from)};
  txn.append(SlicesKey{ino, chunk}, std::span(&hole, 1));
  return {};
}

// Whole chunks that have lists, `first` to `last`.
Result<void> append_whole_holes(RecordTxn& txn, Ino ino, std::uint32_t first, std::uint32_t last) {
  while (first <= last) {
    TRY(const std::vector<Item> lists, txn.scan(SlicesOf{ino, ChunkIndex{first}, ChunkIndex{last}}, kListsAtOnce));
    for (const Item& list : lists) {
      const ChunkIndex chunk = std::get<SlicesKey>(list.key).chunk;
      TRY_OK(append_hole(txn, ino, chunk, start_of(chunk), start_of(chunk) + kChunkBytes));
      first = chunk.value() + 1;
    }
    if (lists.size() < kListsAtOnce) break;
  }
  return {};
}

}  // namespace

Result<void> append_holes(RecordTxn& txn, Ino ino, std::uint64_t from, std::uint64_t to) {
  if (from >= to) return {};
  const ChunkIndex first = chunk_of(from);
  const std::uint64_t first_end = start_of(first) + kChunkBytes;
  TRY_OK(append_hole(txn, ino, first, from, std::min(to, first_end)));
  if (to <= first_end) return {};
  const ChunkIndex last = chunk_of(to);
  TRY_OK(append_whole_holes(txn, ino, first.value() + 1, last.value() - 1));
  return to > start_of(last) ? append_hole(txn, ino, last, start_of(last), to) : Result<void>{};
}

Result<Attr> truncate(RecordTxn& txn, const OpContext& context, const Caller& caller, Ino ino, std::uint64_t length) {
  if (length > kFileBytesMax) return Code::kFileTooBig;
  TRY(Attr attr, load_regular_file(txn, ino));
  TRY_OK(check_not_in_trash(context, ino, attr));
  if ((attr.flags & (kFlagImmutable | kFlagAppend)) != 0) return Code::kNotPermitted;
  TRY_OK(account_length(txn, context, ino, attr, attr.length, length));
  TRY_OK(append_holes(txn, ino, std::min(attr.length, length), std::max(attr.length, length)));
  attr.length = length;
  attr.mode = mode_after_write(caller, attr);
  attr.mtime = attr.ctime = context.now;
  put(txn, InodeKey{ino}, attr);
  return attr;
}

}  // namespace headrace::meta::ops
