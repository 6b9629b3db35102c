// SPDX-License-Identifier: Apache-2.0
// One statement for each change. Rows that exist are updated in place, so that columns of newer clients stay as they
// are.
#include "records/sqlite/writer.h"

#include "base/check.h"
#include "records/codec.h"
#include "records/sqlite/values.h"

namespace headrace::records {
namespace {

std::int64_t number(Ino ino) { return sql_integer(ino.value()); }
std::int64_t number(SliceId slice) { return sql_integer(slice.value()); }
std::int64_t number(SessionId session) { return sql_integer(session.value()); }
std::int64_t number(LockOwner owner) { return sql_integer(owner.value()); }

Result<void> put_inode(Connection& db, const InodeKey& key, const Attr& attr) {
  const SqlTime atime = sql_time_of(attr.atime), mtime = sql_time_of(attr.mtime), ctime = sql_time_of(attr.ctime);
  Query query = db.query(
      "INSERT INTO $node "
      "(inode,type,flags,mode,uid,gid,atime,mtime,ctime,atimensec,mtimensec,ctimensec,nlink,length,rdev,parent,"
      "access_acl_id,default_acl_id,tier_id) VALUES "
      "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19) "
      "ON CONFLICT(inode) DO UPDATE SET "
      "type=?2,flags=?3,mode=?4,uid=?5,gid=?6,atime=?7,mtime=?8,ctime=?9,atimensec=?10,mtimensec=?11,"
      "ctimensec=?12,nlink=?13,length=?14,rdev=?15,parent=?16,access_acl_id=?17,default_acl_id=?18,tier_id=?19");
  query.integer(number(key.ino))
      .integer(static_cast<int>(attr.type))
      .integer(attr.flags)
      .integer(attr.mode)
      .integer(attr.uid)
      .integer(attr.gid);
  query.integer(atime.microseconds).integer(mtime.microseconds).integer(ctime.microseconds);
  query.integer(atime.remainder).integer(mtime.remainder).integer(ctime.remainder);
  query.integer(attr.nlink).integer(sql_integer(attr.length)).integer(attr.rdev).integer(number(attr.parent));
  query.integer(attr.access_acl).integer(attr.default_acl).integer(attr.tier);
  return query.run();
}

struct Putter {
  Connection& db;
  const Record& record;

  template <class K>
  const typename K::Record& as() const {
    return std::get<typename K::Record>(record);
  }

  Result<void> operator()(const InodeKey& k) const { return put_inode(db, k, as<InodeKey>()); }
  Result<void> operator()(const EntryKey& k) const {
    const EntryRecord& entry = as<EntryKey>();
    return db
        .query(
            "INSERT INTO $edge (parent,name,inode,type) VALUES (?1,?2,?3,?4) ON CONFLICT(parent,name) DO UPDATE SET "
            "inode=?3,type=?4")
        .integer(number(k.parent))
        .blob(k.name)
        .integer(number(entry.ino))
        .integer(static_cast<int>(entry.type))
        .run();
  }
  Result<void> operator()(const SlicesKey& k) const {
    const std::string slices = encode_slices(as<SlicesKey>());
    return db
        .query(
            "INSERT INTO $chunk (inode,indx,slices) VALUES (?1,?2,?3) ON CONFLICT(inode,indx) DO UPDATE SET slices=?3")
        .integer(number(k.ino))
        .integer(k.chunk.value())
        .blob(slices)
        .run();
  }
  Result<void> operator()(const SymlinkKey& k) const {
    return db.query("INSERT INTO $symlink (inode,target) VALUES (?1,?2) ON CONFLICT(inode) DO UPDATE SET target=?2")
        .integer(number(k.ino))
        .blob(as<SymlinkKey>().target)
        .run();
  }
  Result<void> operator()(const XattrKey& k) const {
    return db
        .query("INSERT INTO $xattr (inode,name,value) VALUES (?1,?2,?3) ON CONFLICT(inode,name) DO UPDATE SET value=?3")
        .integer(number(k.ino))
        .text(k.name)
        .blob(as<XattrKey>().value)
        .run();
  }
  Result<void> operator()(const ParentLinkKey&) const { return {}; }  // the entries say it
  Result<void> operator()(const SliceRefKey& k) const {
    return db
        .query(
            "INSERT INTO $chunk_ref (chunkid,size,refs) VALUES (?1,?2,?3) ON CONFLICT(chunkid) DO UPDATE SET "
            "size=?2,refs=?3")
        .integer(number(k.id))
        .integer(k.size)
        .integer(as<SliceRefKey>())
        .run();
  }
  Result<void> operator()(const DelayedSlicesKey& k) const {
    const DelayedSlicesRecord& delayed = as<DelayedSlicesKey>();
    const std::string slices = encode_delayed_slices(delayed.slices);
    return db
        .query(
            "INSERT INTO $delslices (chunkid,deleted,slices) VALUES (?1,?2,?3) ON CONFLICT(chunkid) DO UPDATE SET "
            "deleted=?2,slices=?3")
        .integer(number(k.made_by))
        .integer(delayed.deleted_seconds)
        .blob(slices)
        .run();
  }
  Result<void> operator()(const DeletedFileKey& k) const {
    const DeletedFileRecord& file = as<DeletedFileKey>();
    return db
        .query(
            "INSERT INTO $delfile (inode,length,expire) VALUES (?1,?2,?3) ON CONFLICT(inode) DO UPDATE SET "
            "length=?2,expire=?3")
        .integer(number(k.ino))
        .integer(sql_integer(file.length))
        .integer(file.deleted_seconds)
        .run();
  }
  Result<void> operator()(const SessionKey& k) const {
    const SessionRecord& session = as<SessionKey>();
    return db
        .query(
            "INSERT INTO $session2 (sid,expire,info) VALUES (?1,?2,?3) ON CONFLICT(sid) DO UPDATE SET "
            "expire=?2,info=?3")
        .integer(number(k.session))
        .integer(session.expires_seconds)
        .blob(session.info)
        .run();
  }
  Result<void> operator()(const SustainedKey& k) const {
    return db.query("INSERT INTO $sustained (sid,inode) VALUES (?1,?2) ON CONFLICT(sid,inode) DO NOTHING")
        .integer(number(k.session))
        .integer(number(k.ino))
        .run();
  }
  Result<void> operator()(const FlockKey& k) const {
    return db
        .query(
            "INSERT INTO $flock (inode,sid,owner,ltype) VALUES (?1,?2,?3,?4) ON CONFLICT(inode,sid,owner) DO UPDATE "
            "SET ltype=?4")
        .integer(number(k.ino))
        .integer(number(k.session))
        .integer(number(k.owner))
        .integer(sql_flock_type(as<FlockKey>().is_exclusive))
        .run();
  }
  Result<void> operator()(const PosixLockKey& k) const {
    const std::string ranges = encode_lock_ranges(as<PosixLockKey>());
    return db
        .query(
            "INSERT INTO $plock (inode,sid,owner,records) VALUES (?1,?2,?3,?4) ON CONFLICT(inode,sid,owner) DO UPDATE "
            "SET records=?4")
        .integer(number(k.ino))
        .integer(number(k.session))
        .integer(number(k.owner))
        .blob(ranges)
        .run();
  }
  Result<void> operator()(const DirStatsKey& k) const {
    const DirStatsRecord& stats = as<DirStatsKey>();
    return db
        .query(
            "INSERT INTO $dir_stats (inode,data_length,used_space,used_inodes) VALUES (?1,?2,?3,?4) "
            "ON CONFLICT(inode) DO UPDATE SET data_length=?2,used_space=?3,used_inodes=?4")
        .integer(number(k.ino))
        .integer(stats.length)
        .integer(stats.space)
        .integer(stats.inodes)
        .run();
  }
  Result<void> operator()(const DirQuotaKey& k) const {
    const DirQuotaRecord& quota = as<DirQuotaKey>();
    return db
        .query(
            "INSERT INTO $dir_quota (inode,max_space,max_inodes,used_space,used_inodes) VALUES (?1,?2,?3,?4,?5) "
            "ON CONFLICT(inode) DO UPDATE SET max_space=?2,max_inodes=?3,used_space=?4,used_inodes=?5")
        .integer(number(k.ino))
        .integer(quota.space_max)
        .integer(quota.inodes_max)
        .integer(quota.used_space)
        .integer(quota.used_inodes)
        .run();
  }
  Result<void> operator()(const DetachedKey& k) const {
    return db.query("INSERT INTO $detached_node (inode,added) VALUES (?1,?2) ON CONFLICT(inode) DO UPDATE SET added=?2")
        .integer(number(k.ino))
        .integer(as<DetachedKey>())
        .run();
  }
  Result<void> operator()(const CounterKey& k) const {
    return db.query("INSERT INTO $counter (name,value) VALUES (?1,?2) ON CONFLICT(name) DO UPDATE SET value=?2")
        .text(k.name)
        .integer(as<CounterKey>())
        .run();
  }
  Result<void> operator()(const SettingKey&) const {
    return db.query("INSERT INTO $setting (name,value) VALUES ('format',?1) ON CONFLICT(name) DO UPDATE SET value=?1")
        .text(as<SettingKey>().json)
        .run();
  }
  Result<void> operator()(const AclKey& k) const {
    const AclRecord& acl = as<AclKey>();
    const std::string users = encode_acl_list(acl.users), groups = encode_acl_list(acl.groups);
    return db
        .query(
            "INSERT INTO $acl (id,owner,`group`,mask,other,named_users,named_groups) VALUES (?1,?2,?3,?4,?5,?6,?7) "
            "ON CONFLICT(id) DO UPDATE SET owner=?2,`group`=?3,mask=?4,other=?5,named_users=?6,named_groups=?7")
        .integer(k.id)
        .integer(acl.owner)
        .integer(acl.group)
        .integer(acl.mask)
        .integer(acl.other)
        .blob(users)
        .blob(groups)
        .run();
  }
};

struct Eraser {
  Connection& db;

  Result<void> operator()(const InodeKey& k) const {
    return db.query("DELETE FROM $node WHERE inode=?1").integer(number(k.ino)).run();
  }
  Result<void> operator()(const EntryKey& k) const {
    return db.query("DELETE FROM $edge WHERE parent=?1 AND name=?2").integer(number(k.parent)).blob(k.name).run();
  }
  Result<void> operator()(const SlicesKey& k) const {
    return db.query("DELETE FROM $chunk WHERE inode=?1 AND indx=?2")
        .integer(number(k.ino))
        .integer(k.chunk.value())
        .run();
  }
  Result<void> operator()(const SymlinkKey& k) const {
    return db.query("DELETE FROM $symlink WHERE inode=?1").integer(number(k.ino)).run();
  }
  Result<void> operator()(const XattrKey& k) const {
    return db.query("DELETE FROM $xattr WHERE inode=?1 AND name=?2").integer(number(k.ino)).text(k.name).run();
  }
  Result<void> operator()(const ParentLinkKey&) const { return {}; }
  Result<void> operator()(const SliceRefKey& k) const {
    return db.query("DELETE FROM $chunk_ref WHERE chunkid=?1").integer(number(k.id)).run();
  }
  Result<void> operator()(const DelayedSlicesKey& k) const {
    return db.query("DELETE FROM $delslices WHERE chunkid=?1").integer(number(k.made_by)).run();
  }
  Result<void> operator()(const DeletedFileKey& k) const {
    return db.query("DELETE FROM $delfile WHERE inode=?1").integer(number(k.ino)).run();
  }
  Result<void> operator()(const SessionKey& k) const {
    return db.query("DELETE FROM $session2 WHERE sid=?1").integer(number(k.session)).run();
  }
  Result<void> operator()(const SustainedKey& k) const {
    return db.query("DELETE FROM $sustained WHERE sid=?1 AND inode=?2")
        .integer(number(k.session))
        .integer(number(k.ino))
        .run();
  }
  Result<void> operator()(const FlockKey& k) const {
    return db.query("DELETE FROM $flock WHERE inode=?1 AND sid=?2 AND owner=?3")
        .integer(number(k.ino))
        .integer(number(k.session))
        .integer(number(k.owner))
        .run();
  }
  Result<void> operator()(const PosixLockKey& k) const {
    return db.query("DELETE FROM $plock WHERE inode=?1 AND sid=?2 AND owner=?3")
        .integer(number(k.ino))
        .integer(number(k.session))
        .integer(number(k.owner))
        .run();
  }
  Result<void> operator()(const DirStatsKey& k) const {
    return db.query("DELETE FROM $dir_stats WHERE inode=?1").integer(number(k.ino)).run();
  }
  Result<void> operator()(const DirQuotaKey& k) const {
    return db.query("DELETE FROM $dir_quota WHERE inode=?1").integer(number(k.ino)).run();
  }
  Result<void> operator()(const DetachedKey& k) const {
    return db.query("DELETE FROM $detached_node WHERE inode=?1").integer(number(k.ino)).run();
  }
  Result<void> operator()(const CounterKey& k) const {
    return db.query("DELETE FROM $counter WHERE name=?1").text(k.name).run();
  }
  Result<void> operator()(const SettingKey&) const {
    return db.query("DELETE FROM $setting WHERE name='format'").run();
  }
  Result<void> operator()(const AclKey& k) const {
    return db.query("DELETE FROM $acl WHERE id=?1").integer(k.id).run();
  }
};

struct Adder {
  Connection& db;
  const Record& delta;

  Result<void> operator()(const SliceRefKey& k) const {
    return db
        .query(
            "INSERT INTO $chunk_ref (chunkid,size,refs) VALUES (?1,?2,?3) ON CONFLICT(chunkid) DO UPDATE SET "
            "refs=refs+?3")
        .integer(number(k.id))
        .integer(k.size)
        .integer(std::get<std::int64_t>(delta))
        .run();
  }
  Result<void> operator()(const CounterKey& k) const {
    return db.query("INSERT INTO $counter (name,value) VALUES (?1,?2) ON CONFLICT(name) DO UPDATE SET value=value+?2")
        .text(k.name)
        .integer(std::get<std::int64_t>(delta))
        .run();
  }
  Result<void> operator()(const DirStatsKey& k) const {
    const auto& stats = std::get<DirStatsRecord>(delta);
    return db
        .query(
            "UPDATE $dir_stats SET data_length=data_length+?2,used_space=used_space+?3,used_inodes=used_inodes+?4 "
            "WHERE inode=?1")
        .integer(number(k.ino))
        .integer(stats.length)
        .integer(stats.space)
        .integer(stats.inodes)
        .run();
  }
  template <class Other>
  Result<void> operator()(const Other&) const {
    constexpr bool kNothingElseIsAddedTo = false;
    CHECK(kNothingElseIsAddedTo);
    return {};
  }
};

/// `||` makes TEXT even of blobs; the cast keeps what the column says.
Result<void> append_slices(Connection& db, const SlicesKey& k, const SliceList& list) {
  const std::string slices = encode_slices(list);
  return db
      .query(
          "INSERT INTO $chunk (inode,indx,slices) VALUES (?1,?2,?3) "
          "ON CONFLICT(inode,indx) DO UPDATE SET slices=CAST(slices||?3 AS BLOB)")
      .integer(number(k.ino))
      .integer(k.chunk.value())
      .blob(slices)
      .run();
}

Result<void> write_one(Connection& db, const Key& key, const Change& change) {
  switch (change.kind) {
    case Change::Kind::kPut: return std::visit(Putter{db, change.record}, key);
    case Change::Kind::kErase: return std::visit(Eraser{db}, key);
    case Change::Kind::kAdd: return std::visit(Adder{db, change.record}, key);
    case Change::Kind::kAppend: return append_slices(db, std::get<SlicesKey>(key), std::get<SliceList>(change.record));
  }
  return {};
}

}  // namespace

Result<void> write_changes(Connection& connection, const ChangeSet& changes) {
  for (const auto& [key, change] : changes.changes()) {
    const Result<void> written = write_one(connection, key, change);
    if (!written) return Error(written.code(), "writing " + describe(key) + ": " + written.error().text());
  }
  return {};
}

}  // namespace headrace::records
