// SPDX-License-Identifier: Apache-2.0
// commit_slices: bytes that lie in the object store become part of a file.
#include <algorithm>
#include <map>

#include "meta/ops/account.h"
#include "meta/ops/load.h"
#include "meta/ops/operations.h"

namespace headrace::meta::ops {
namespace {

Result<void> check_room_in_lists(RecordTxn& txn, Ino ino, std::span<const NewSlice> slices) {
  std::map<ChunkIndex, std::size_t> lengths;
  for (const NewSlice& fresh : slices) ++lengths[fresh.chunk];
  for (const auto& [chunk, more] : lengths) TRY_OK(check_room_in_list(txn, ino, chunk, more));
  return {};
}

bool is_well_formed(const Slice& slice) {
  return slice.id != SliceId{0} && slice.len > 0 && std::uint64_t{slice.pos} + slice.len <= kChunkBytes &&
         std::uint64_t{slice.off} + slice.len <= slice.size;
}

}  // namespace

Result<Attr> commit_slices(RecordTxn& txn, const OpContext& context, Ino ino, std::span<const NewSlice> slices,
                           Timestamp modified) {
  TRY(Attr attr, load_inode(txn, ino));
  if (attr.type != FileType::kRegular) return Code::kNotPermitted;
  std::uint64_t length = attr.length;
  for (const NewSlice& fresh : slices) {
    if (!is_well_formed(fresh.slice))
      return Error(Code::kInvalid, "a slice that reaches beyond its chunk or its own size");
    const std::uint64_t end = start_of(fresh.chunk) + fresh.slice.pos + fresh.slice.len;
    if (end > kFileBytesMax) return Code::kFileTooBig;
    length = std::max(length, end);
  }
  TRY_OK(check_room_in_lists(txn, ino, slices));
  TRY_OK(account_length(txn, context, ino, attr, attr.length, length));
  for (const NewSlice& fresh : slices) {
    txn.append(SlicesKey{ino, fresh.chunk}, std::span(&fresh.slice, 1));
    put(txn, SliceRefKey{fresh.slice.id, fresh.slice.size}, 1);
  }
  attr.length = length;
  attr.mtime = modified.seconds < 0 ? Timestamp{0, 0} : modified;
  attr.ctime = context.now;
  put(txn, InodeKey{ino}, attr);
  return attr;
}

}  // namespace headrace::meta::ops
