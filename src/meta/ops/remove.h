// SPDX-License-Identifier: Apache-2.0
// What becomes of an inode when a name of it goes: shared by unlink, rmdir, rename onto something, and the end of
// sustained files. The caller erases or overwrites the entry and writes the parent's record.
#pragma once

#include <string_view>

#include "meta/ops/context.h"
#include "meta/volume.h"

namespace headrace::meta::ops {

/// A name of something that is not a directory: to the trash, one link less, sustained because it is held here, or
/// gone.
Result<Removed> remove_file(RecordTxn& txn, const OpContext& context, Ino parent, std::string_view name, Ino ino,
                            Attr attr);

/// The name of a directory that the caller has found empty: to the trash, or gone. The parent's nlink is the caller's.
Result<Removed> remove_directory(RecordTxn& txn, const OpContext& context, Ino parent, std::string_view name, Ino ino,
                                 Attr attr);

/// An entry whose inode is missing: only the entry was there to be removed.
Removed remove_nothing(const EntryRecord& entry);

/// The inode's records go, and its bytes are left for background work to release.
Result<void> destroy_inode(RecordTxn& txn, const OpContext& context, Ino ino, const Attr& attr);

}  // namespace headrace::meta::ops
