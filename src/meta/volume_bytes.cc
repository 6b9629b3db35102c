// SPDX-License-Identifier: Apache-2.0
// Volume's operations on the bytes of files, and its locks.
#include <fcntl.h>

#include "meta/ops/load.h"
#include "meta/overlay.h"
#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

using records::InodeKey;
using records::Item;
using records::RecordTxn;
using records::SliceList;
using records::SlicesKey;

constexpr std::size_t kListsAtOnce = 64;

// Puts `more` behind `extents`; what lies between is a hole, and holes that touch are one.
void append_extents(ExtentList& extents, std::uint64_t from, const ExtentList& more) {
  const auto append = [&extents](const Extent& extent) {
    if (extent.length == 0) return;
    if (!extents.empty() && extents.back().is_hole() && extent.is_hole()) {
      extents.back().length += extent.length;
    } else {
      extents.push_back(extent);
    }
  };
  const std::uint64_t covered = extents.empty() ? 0 : extents.back().end();
  if (from > covered) append({covered, from - covered, SliceId{0}, 0, 0});
  for (const Extent& extent : more) append(extent);
}

Result<void> check_lock_type(std::uint32_t type) {
  if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK) return Code::kInvalid;
  return {};
}

}  // namespace

Result<ChunkView> Volume::chunk(const Scope& scope, Ino ino, ChunkIndex chunk) {
  return impl_->read(scope, {InodeKey{ino}, SlicesKey{ino, chunk}}, [&](RecordTxn& txn) -> Result<ChunkView> {
    TRY(const Attr attr, ops::load_regular_file(txn, ino));
    TRY(const std::optional<SliceList> list, records::get(txn, SlicesKey{ino, chunk}));
    const SliceList references = list.value_or(SliceList{});
    TRY(ExtentList extents, chunk_extents(references, chunk, attr.length));
    return ChunkView{attr, std::move(extents), references.size()};
  });
}

Result<ChunkView> Volume::whole_file(const Scope& scope, Ino ino, std::size_t extents_max) {
  return impl_->read(scope, {InodeKey{ino}}, [&](RecordTxn& txn) -> Result<ChunkView> {
    ChunkView view;
    TRY(view.attr, ops::load_regular_file(txn, ino));
    std::uint32_t next = 0;
    for (;;) {
      TRY(const std::vector<Item> lists, txn.scan(records::SlicesOf{ino, ChunkIndex{next}}, kListsAtOnce));
      for (const Item& item : lists) {
        const ChunkIndex chunk = std::get<SlicesKey>(item.key).chunk;
        const auto& references = std::get<SliceList>(item.record);
        next = chunk.value() + 1;
        if (start_of(chunk) >= view.attr.length) continue;
        TRY(const ExtentList extents, chunk_extents(references, chunk, view.attr.length));
        append_extents(view.extents, start_of(chunk), extents);
        view.list_length += references.size();
        if (view.extents.size() > extents_max) return Code::kTooBig;
      }
      if (lists.size() < kListsAtOnce) break;
    }
    append_extents(view.extents, view.attr.length, {});
    if (view.extents.size() > extents_max) return Code::kTooBig;
    return view;
  });
}

Result<SliceId> Volume::new_slice_id(const Scope& scope) {
  if (impl_->is_read_only) return Code::kReadOnly;
  TRY(const records::IdRange range, impl_->engine.reserve(scope, records::IdKind::kSlice, 1));
  return SliceId{range.first};
}

Result<Attr> Volume::commit_slices(const Scope& scope, Ino ino, std::span<const NewSlice> slices, Timestamp modified) {
  return impl_->change(scope, {InodeKey{ino}}, [&](RecordTxn& txn, const OpContext& context) {
    return ops::commit_slices(txn, context, ino, slices, modified);
  });
}

Result<Attr> Volume::truncate(const Scope& scope, const Caller& caller, Ino ino, std::uint64_t length) {
  return impl_->change(scope, {InodeKey{ino}}, [&](RecordTxn& txn, const OpContext& context) {
    return ops::truncate(txn, context, caller, ino, length);
  });
}

Result<Attr> Volume::fallocate(const Scope& scope, const Caller& caller, Ino ino, int mode, std::uint64_t offset,
                               std::uint64_t length) {
  const ops::FallocateRange range{mode, offset, length};
  return impl_->change(scope, {InodeKey{ino}}, [&](RecordTxn& txn, const OpContext& context) {
    return ops::fallocate(txn, context, caller, ino, range);
  });
}

Result<CopyResult> Volume::copy_range(const Scope& scope, Ino in, std::uint64_t in_offset, Ino out,
                                      std::uint64_t out_offset, std::uint64_t length) {
  const ops::CopyEnds ends{in, in_offset, out, out_offset, length};
  return impl_->change(scope, {InodeKey{in}, InodeKey{out}},
                       [&](RecordTxn& txn, const OpContext& context) { return ops::copy_range(txn, context, ends); });
}

Result<void> Volume::flock(const Scope& scope, Ino ino, LockOwner owner, std::uint32_t type) {
  TRY_OK(check_lock_type(type));
  TRY(const bool taken, impl_->change(scope, {}, [&](RecordTxn& txn, const OpContext& context) {
    return ops::flock(txn, context, ino, owner, type);
  }));
  if (!taken) return Code::kWouldBlock;
  return {};
}

Result<void> Volume::setlk(const Scope& scope, Ino ino, LockOwner owner, const LockRequest& request) {
  TRY_OK(check_lock_type(request.type));
  if (request.start > request.end) return Code::kInvalid;
  return impl_->change(scope, {}, [&](RecordTxn& txn, const OpContext& context) {
    return ops::setlk(txn, context, ino, owner, request);
  });
}

Result<LockRequest> Volume::getlk(const Scope& scope, Ino ino, LockOwner owner, const LockRequest& request) {
  TRY_OK(check_lock_type(request.type));
  RemovalMarks nobody(impl_->holds, false);
  const OpContext fixed = impl_->context(nobody);
  return impl_->read(scope, {}, [&](RecordTxn& txn) { return ops::getlk(txn, fixed, ino, owner, request); });
}

}  // namespace headrace::meta
