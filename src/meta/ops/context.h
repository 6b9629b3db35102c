// SPDX-License-Identifier: Apache-2.0
// What an operation is told besides its arguments: the description of the volume, the time, who this client is, and
// what it holds open. All of it is fixed while the operation runs, also when it runs again.
#pragma once

#include "base/attr.h"
#include "base/clock.h"
#include "base/types.h"
#include "meta/volume_format.h"
#include "records/txn.h"

namespace headrace::meta {

/// What this client holds open, as operations may ask. Used by the thread that runs the operation.
class Holders {
 public:
  virtual ~Holders() = default;
  /// Asked by the operation that takes the last name of a regular file away. The answer stays true until the outcome of
  /// the operation is known: nobody starts to hold the file meanwhile.
  virtual bool is_held(Ino ino) = 0;
  /// Whether a handle of this client is older than the file's way into the trash: POSIX lets it change the file still.
  virtual bool was_held_before_trash(Ino ino) = 0;
};

struct OpContext {
  const VolumeFormat& format;
  std::uint32_t trash_days = 0;  // of the format; 0 where removal is for good
  Timestamp now;
  SessionId session;
  Duration skip_dir_mtime;
  Holders& holders;
};

namespace ops {

using records::add;
using records::CounterKey;
using records::DelayedSlicesKey;
using records::DeletedFileKey;
using records::DeletedFileRecord;
using records::DirQuotaKey;
using records::DirStatsKey;
using records::DirStatsRecord;
using records::EntriesOf;
using records::EntryKey;
using records::EntryRecord;
using records::erase;
using records::FlockKey;
using records::get;
using records::InodeKey;
using records::Item;
using records::LinksTo;
using records::LockRange;
using records::ParentLinkKey;
using records::PosixLockKey;
using records::put;
using records::RecordTxn;
using records::SessionKey;
using records::SessionRecord;
using records::Slice;
using records::SliceList;
using records::SliceRefKey;
using records::SlicesKey;
using records::SlicesOf;
using records::SustainedKey;
using records::SustainedRecord;
using records::SymlinkKey;
using records::SymlinkRecord;
using records::XattrKey;
using records::XattrRecord;
using records::XattrsOf;

}  // namespace ops
}  // namespace headrace::meta
