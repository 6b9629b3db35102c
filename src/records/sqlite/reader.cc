// SPDX-License-Identifier: Apache-2.0
// Records by key.
#include "records/sqlite/reader.h"

#include <utility>

#include "records/sqlite/rows.h"
#include "records/sqlite/values.h"

namespace headrace::records {
namespace {

using Found = Result<std::optional<Record>>;

/// Damage is told with the name of what is damaged.
Error named(Error error, const Key& key) {
  if (error.code == Code::kDamaged) error.message = describe(key) + ": " + error.text();
  return error;
}

/// The record of the only row, decoded from its first column on; nothing without a row.
template <class Decode>
Found one(Query& query, const Key& key, Decode decode) {
  Result<bool> has_row = query.step();
  if (!has_row) return named(has_row.error(), key);
  if (!*has_row) return std::optional<Record>();
  auto decoded = decode(query);
  if constexpr (requires {
                  decoded.has_value();
                  decoded.error();
                }) {
    if (!decoded) return named(decoded.error(), key);
    return std::optional<Record>(*std::move(decoded));
  } else {
    return std::optional<Record>(std::move(decoded));
  }
}

std::int64_t number(Ino ino) { return sql_integer(ino.value()); }

struct Getter {
  Connection& db;
  const Key& key;

  Found operator()(const InodeKey& k) const {
    return one(db.query("SELECT " HEADRACE_NODE_COLUMNS " FROM $node n WHERE n.inode=?1").integer(number(k.ino)), key,
               [](const Query& row) { return attr_at(row, 0); });
  }
  Found operator()(const EntryKey& k) const {
    return one(
        db.query("SELECT inode,type FROM $edge WHERE parent=?1 AND name=?2").integer(number(k.parent)).blob(k.name),
        key, [](const Query& row) { return entry_at(row, 0); });
  }
  Found operator()(const SlicesKey& k) const {
    return one(db.query("SELECT slices FROM $chunk WHERE inode=?1 AND indx=?2")
                   .integer(number(k.ino))
                   .integer(k.chunk.value()),
               key, [](const Query& row) { return slices_at(row, 0); });
  }
  Found operator()(const SymlinkKey& k) const {
    return one(db.query("SELECT target FROM $symlink WHERE inode=?1").integer(number(k.ino)), key,
               [](const Query& row) { return SymlinkRecord{std::string(row.bytes_at(0))}; });
  }
  Found operator()(const XattrKey& k) const {
    return one(db.query("SELECT value FROM $xattr WHERE inode=?1 AND name=?2").integer(number(k.ino)).text(k.name), key,
               [](const Query& row) { return XattrRecord{std::string(row.bytes_at(0))}; });
  }
  Found operator()(const ParentLinkKey& k) const {
    Query query = db.query("SELECT count(*) FROM $edge WHERE inode=?1 AND parent=?2");
    TRY(std::optional<Record> count, one(query.integer(number(k.ino)).integer(number(k.parent)), key,
                                         [](const Query& row) { return row.integer_at(0); }));
    if (count && std::get<std::int64_t>(*count) == 0) count.reset();
    return count;
  }
  Found operator()(const SliceRefKey& k) const {
    const auto decode = [&k](const Query& row) -> Result<std::int64_t> {
      if (row.integer_at(1) == k.size) return row.integer_at(0);
      return Error(Code::kDamaged, "the slice has " + std::to_string(row.integer_at(1)) + " bytes");
    };
    return one(db.query("SELECT refs,size FROM $chunk_ref WHERE chunkid=?1").integer(sql_integer(k.id.value())), key,
               decode);
  }
  Found operator()(const DelayedSlicesKey& k) const {
    return one(
        db.query("SELECT deleted,slices FROM $delslices WHERE chunkid=?1").integer(sql_integer(k.made_by.value())), key,
        [](const Query& row) { return delayed_slices_at(row, 0); });
  }
  Found operator()(const DeletedFileKey& k) const {
    return one(db.query("SELECT length,expire FROM $delfile WHERE inode=?1").integer(number(k.ino)), key,
               [](const Query& row) { return deleted_file_at(row, 0); });
  }
  Found operator()(const SessionKey& k) const {
    return one(db.query("SELECT expire,info FROM $session2 WHERE sid=?1").integer(sql_integer(k.session.value())), key,
               [](const Query& row) { return session_at(row, 0); });
  }
  Found operator()(const SustainedKey& k) const {
    return one(db.query("SELECT 1 FROM $sustained WHERE sid=?1 AND inode=?2")
                   .integer(sql_integer(k.session.value()))
                   .integer(number(k.ino)),
               key, [](const Query&) { return SustainedRecord{}; });
  }
  Found operator()(const FlockKey& k) const {
    return one(db.query("SELECT ltype FROM $flock WHERE inode=?1 AND sid=?2 AND owner=?3")
                   .integer(number(k.ino))
                   .integer(sql_integer(k.session.value()))
                   .integer(sql_integer(k.owner.value())),
               key, [](const Query& row) { return flock_at(row, 0); });
  }
  Found operator()(const PosixLockKey& k) const {
    return one(db.query("SELECT records FROM $plock WHERE inode=?1 AND sid=?2 AND owner=?3")
                   .integer(number(k.ino))
                   .integer(sql_integer(k.session.value()))
                   .integer(sql_integer(k.owner.value())),
               key, [](const Query& row) { return lock_ranges_at(row, 0); });
  }
  Found operator()(const DirStatsKey& k) const {
    return one(
        db.query("SELECT data_length,used_space,used_inodes FROM $dir_stats WHERE inode=?1").integer(number(k.ino)),
        key, [](const Query& row) { return dir_stats_at(row, 0); });
  }
  Found operator()(const DirQuotaKey& k) const {
    return one(db.query("SELECT max_space,max_inodes,used_space,used_inodes FROM $dir_quota WHERE inode=?1")
                   .integer(number(k.ino)),
               key, [](const Query& row) { return dir_quota_at(row, 0); });
  }
  Found operator()(const DetachedKey& k) const {
    return one(db.query("SELECT added FROM $detached_node WHERE inode=?1").integer(number(k.ino)), key,
               [](const Query& row) { return row.integer_at(0); });
  }
  Found operator()(const CounterKey& k) const {
    return one(db.query("SELECT value FROM $counter WHERE name=?1").text(k.name), key,
               [](const Query& row) { return row.integer_at(0); });
  }
  Found operator()(const SettingKey&) const {
    Query query = db.query("SELECT value FROM $setting WHERE name='format'");
    return one(query, key, [](const Query& row) { return SettingRecord{std::string(row.bytes_at(0))}; });
  }
  Found operator()(const AclKey& k) const {
    return one(db.query("SELECT owner,`group`,mask,other,named_users,named_groups FROM $acl WHERE id=?1").integer(k.id),
               key, [](const Query& row) { return acl_at(row, 0); });
  }
};

}  // namespace

Result<std::optional<Record>> SqliteReader::get(const Key& key) { return std::visit(Getter{connection_, key}, key); }

Result<bool> SqliteReader::is_empty(const Range& range) {
  TRY(const Page page, scan(range, 1));
  return page.items.empty();
}

}  // namespace headrace::records
