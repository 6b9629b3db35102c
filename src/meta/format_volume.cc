// SPDX-License-Identifier: Apache-2.0
// A new volume in an empty engine, or a new description for the one that is there (format sheet, sections 2.2, 2.5
// and 4.4).
#include <bit>

#include "base/uuid.h"
#include "meta/ops/context.h"
#include "meta/ops/trash.h"
#include "meta/volume.h"

namespace headrace::meta {
namespace {

using records::CounterKey;
using records::DirStatsKey;
using records::InodeKey;
using records::Item;
using records::RecordTxn;
using records::SettingKey;
using records::SettingRecord;

constexpr std::uint32_t kBlockKibMin = 64, kBlockKibMax = 16 * 1024;
constexpr std::size_t kRowsAtOnce = 1024;

Error invalid(std::string text) { return {Code::kInvalid, std::move(text)}; }

Result<void> check_new_format(const VolumeFormat& format) {
  TRY_OK(check_volume_name(format.name));
  if (!is_uuid(format.uuid)) return invalid("a volume needs a UUID, got \"" + format.uuid + "\"");
  if (format.storage.empty() || format.bucket.empty()) return invalid("a volume needs a storage and a bucket");
  if (format.block_kib < kBlockKibMin || format.block_kib > kBlockKibMax || !std::has_single_bit(format.block_kib)) {
    return invalid("the block size is a power of two from 64 KiB to 16 MiB, got " + std::to_string(format.block_kib) +
                   " KiB");
  }
  const Admission admitted = admission(format);
  if (admitted.access != Access::kReadWrite) return invalid(admitted.reason);
  return {};
}

Attr new_root(Timestamp now) {
  Attr attr;
  attr.type = FileType::kDirectory;
  attr.mode = 0777;
  attr.nlink = 2;
  attr.length = 4096;
  attr.parent = kRootIno;
  attr.atime = attr.mtime = attr.ctime = {now.seconds, 0};
  return attr;
}

Result<void> put_trash_root_if_missing(RecordTxn& txn, Timestamp now, const VolumeFormat& format) {
  if (format.trash_days == 0) return {};
  TRY(const std::optional<Attr> present, records::get(txn, InodeKey{kTrashRoot}));
  if (!present) records::put(txn, InodeKey{kTrashRoot}, ops::new_trash_root(now));
  return {};
}

Result<VolumeFormat> make_new(RecordTxn& txn, Timestamp now, VolumeFormat format) {
  TRY(const std::optional<Attr> root, records::get(txn, InodeKey{kRootIno}));
  if (root) return Error(Code::kExists, "the metadata holds a volume whose description is gone; it is not overwritten");
  format.document = format_document(format);
  records::put(txn, SettingKey{}, SettingRecord{format.document});
  records::put(txn, InodeKey{kRootIno}, new_root(now));
  TRY_OK(put_trash_root_if_missing(txn, now, format));
  const std::pair<const char*, std::int64_t> counters[] = {{"nextInode", 2},   {"nextChunk", 1},
                                                           {"nextSession", 0}, {"usedSpace", 0},
                                                           {"totalInodes", 0}, {"nextCleanupSlices", 0}};
  for (const auto& [name, value] : counters) records::put(txn, CounterKey{name}, value);
  return format;
}

// The names of members that may not change and would.
Result<void> check_changes(const VolumeFormat& old, const VolumeFormat& next) {
  const auto fixed = [](const char* name) { return invalid(std::string(name) + " of a volume cannot be changed"); };
  if (old.block_kib != next.block_kib) return fixed("the block size");
  if (old.compression != next.compression) return fixed("the compression");
  if (old.shards != next.shards) return fixed("the number of shards");
  if (old.hash_prefix != next.hash_prefix) return fixed("the hash prefix of object names");
  if (old.meta_version != next.meta_version) return fixed("the metadata version");
  if (old.enable_acl && !next.enable_acl) return fixed("the use of ACLs, once on,");
  return {};
}

// Sums of the time before nobody kept them up would be wrong ones.
Result<void> erase_dir_stats(RecordTxn& txn) {
  std::uint64_t after = 0;
  for (;;) {
    TRY(const std::vector<Item> page, txn.scan(records::WholeVolume{records::Whole::kDirStats, after}, kRowsAtOnce));
    for (const Item& item : page) {
      after = std::get<DirStatsKey>(item.key).ino.value();
      txn.erase(item.key);
    }
    if (page.empty()) return {};
  }
}

Result<VolumeFormat> change_existing(RecordTxn& txn, Timestamp now, const VolumeFormat& old, VolumeFormat next) {
  next.uuid = old.uuid;
  TRY_OK(check_changes(old, next));
  if (next.document.empty()) next.document = old.document;
  next.document = format_document(next);
  if (!old.dir_stats && next.dir_stats) TRY_OK(erase_dir_stats(txn));
  records::put(txn, SettingKey{}, SettingRecord{next.document});
  TRY_OK(put_trash_root_if_missing(txn, now, next));
  return next;
}

}  // namespace

Result<VolumeFormat> format_volume(const Scope& scope, records::RecordEngine& engine, const Clock& clock,
                                   VolumeFormat format, bool force) {
  TRY_OK(check_new_format(format));
  const Timestamp now = clock.wall();
  return engine.run(scope, records::Commit::kDurable, {SettingKey{}, InodeKey{kRootIno}},
                    [&](RecordTxn& txn) -> Result<VolumeFormat> {
                      TRY(const std::optional<SettingRecord> present, records::get(txn, SettingKey{}));
                      if (!present) return make_new(txn, now, format);
                      TRY(const VolumeFormat old, parse_format(present->json));
                      if (old.name != format.name)
                        return Error(Code::kExists, "the metadata holds the volume \"" + old.name + "\"");
                      if (!force)
                        return Error(Code::kExists, "the volume \"" + old.name +
                                                        "\" exists; force replaces what may change of its description");
                      return change_existing(txn, now, old, format);
                    });
}

Result<VolumeFormat> load_format(const Scope& scope, records::RecordEngine& engine) {
  return engine.read(scope, {SettingKey{}}, [](RecordTxn& txn) -> Result<VolumeFormat> {
    TRY(const std::optional<SettingRecord> present, records::get(txn, SettingKey{}));
    if (!present) return Error(Code::kNotFound, "there is no volume in this metadata: format one first");
    return parse_format(present->json);
  });
}

}  // namespace headrace::meta
